"""The names under which a detector's variables are looked up in a checkpoint."""

import pytest

from boxwright.checkpoints.wanted import wanted

NAMES = ["FeatureExtractor/a", "FeatureExtractor/b/c", "Head/d"]
VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


@pytest.mark.parametrize(
    ("kind", "load_all", "found"),
    [
        (
            "detection",
            False,
            {"FeatureExtractor/a": "FeatureExtractor/a", "FeatureExtractor/b/c": "FeatureExtractor/b/c"},
        ),
        ("classification", True, {"FeatureExtractor/a": "a", "FeatureExtractor/b/c": "b/c"}),
        *(
            (kind, load_all, {name: name for name in NAMES})
            for kind, load_all in (("full", False), ("fine_tune", True))
        ),
    ],
)
def test_names_of_tf1(kind, load_all, found):
    assert wanted(NAMES, ["FeatureExtractor"], None, kind, load_all) == found


@pytest.mark.parametrize("network", ["classification_backbone", "_base_model", "_efficientnet"])
def test_a_classifiers_object_graph(network):
    keys = {
        "FeatureExtractor/a": f"model/_feature_extractor/{network}/layer_with_weights-12/kernel/{VALUE}",
        "FeatureExtractor/b/c": f"model/_feature_extractor/_bifpn_stage/node/0/kernel/{VALUE}",
        "Head/d": f"model/_box_predictor/bias/{VALUE}",
    }
    assert wanted(NAMES, ["FeatureExtractor"], keys, "classification", False) == {
        "FeatureExtractor/a": f"feature_extractor/layer_with_weights-12/kernel/{VALUE}",
        "FeatureExtractor/b/c": keys["FeatureExtractor/b/c"],
    }
    assert wanted(NAMES, ["FeatureExtractor"], keys, "full", False) == keys


def test_the_second_stage_of_faster_rcnn_goes_on_where_the_first_ends():
    stages = {"First": "proposal_features", "Second": "box_classifier_features"}
    keys = {
        f"{stage}/{layer}": f"model/_feature_extractor_for_{part}/layer_with_weights-{layer}/kernel/{VALUE}"
        for stage, part in stages.items()
        for layer in range(12)
    }
    found = wanted(keys, list(stages), keys, "classification", False)
    assert found["First/11"] == f"feature_extractor/layer_with_weights-11/kernel/{VALUE}"
    assert found["Second/0"] == f"feature_extractor/layer_with_weights-12/kernel/{VALUE}"
    assert found["Second/11"] == f"feature_extractor/layer_with_weights-23/kernel/{VALUE}"

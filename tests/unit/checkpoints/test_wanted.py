"""The names under which a detector's variables are looked up in a checkpoint."""

import json

import pytest

from boxwright.catalog.extractors import EXTRACTORS
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
    assert wanted(NAMES, ["FeatureExtractor"], {}, None, kind, load_all) == found


def test_the_repeated_blocks_of_inception_resnet_are_counted_on_in_a_classifier(shared):
    row = EXTRACTORS["faster_rcnn_inception_resnet_v2"]
    golden = json.loads((shared / "parity" / row.type / "golden.json").read_text())
    names = [variable["name"] for variable in golden["variables"]]
    found = wanted(names, row.scopes, row.classifier_names, None, "classification", False)
    network = "InceptionResnetV2"
    for stage, name, key in (
        ("First", "Repeat/block35_10/Conv2d_1x1/weights", "Repeat/block35_10/Conv2d_1x1/weights"),
        ("First", "Repeat_1/block17_3/Conv2d_1x1/biases", "Repeat_1/block17_3/Conv2d_1x1/biases"),
        ("Second", "Mixed_7a/Branch_1/Conv2d_0a_1x1/weights", "Mixed_7a/Branch_1/Conv2d_0a_1x1/weights"),
        ("Second", "Repeat/block8_1/Conv2d_1x1/weights", "Repeat_2/block8_1/Conv2d_1x1/weights"),
        ("Second", "Repeat/block8_9/Branch_0/Conv2d_1x1/weights", "Repeat_2/block8_9/Branch_0/Conv2d_1x1/weights"),
        ("Second", "Block8/Conv2d_1x1/weights", "Block8/Conv2d_1x1/weights"),
    ):
        assert found[f"{stage}StageFeatureExtractor/{network}/{name}"] == f"{network}/{key}"
    assert len(set(found.values())) == len(found) == sum(name.startswith(row.scopes) for name in names)
    assert sum(key.startswith(f"{network}/Repeat_2/block8_") for key in found.values()) == 162
    # Elsewhere it keeps its own name, and the names of all other rows only lack their scope.
    assert all(
        name == key for name, key in wanted(names, row.scopes, row.classifier_names, None, "full", False).items()
    )
    assert [one.type for one in EXTRACTORS.values() if one.classifier_names] == [row.type]


@pytest.mark.parametrize("network", ["classification_backbone", "_base_model", "_efficientnet"])
def test_a_classifiers_object_graph(network):
    keys = {
        "FeatureExtractor/a": f"model/_feature_extractor/{network}/layer_with_weights-12/kernel/{VALUE}",
        "FeatureExtractor/b/c": f"model/_feature_extractor/_bifpn_stage/node/0/kernel/{VALUE}",
        "Head/d": f"model/_box_predictor/bias/{VALUE}",
    }
    assert wanted(NAMES, ["FeatureExtractor"], {}, keys, "classification", False) == {
        "FeatureExtractor/a": f"feature_extractor/layer_with_weights-12/kernel/{VALUE}",
        "FeatureExtractor/b/c": keys["FeatureExtractor/b/c"],
    }
    assert wanted(NAMES, ["FeatureExtractor"], {}, keys, "full", False) == keys


def test_the_second_stage_of_faster_rcnn_goes_on_where_the_first_ends():
    stages = {"First": "proposal_features", "Second": "box_classifier_features"}
    keys = {
        f"{stage}/{layer}": f"model/_feature_extractor_for_{part}/layer_with_weights-{layer}/kernel/{VALUE}"
        for stage, part in stages.items()
        for layer in range(12)
    }
    found = wanted(keys, list(stages), {}, keys, "classification", False)
    assert found["First/11"] == f"feature_extractor/layer_with_weights-11/kernel/{VALUE}"
    assert found["Second/0"] == f"feature_extractor/layer_with_weights-12/kernel/{VALUE}"
    assert found["Second/11"] == f"feature_extractor/layer_with_weights-23/kernel/{VALUE}"

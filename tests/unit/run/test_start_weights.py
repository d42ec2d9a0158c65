"""A start checkpoint that does not fit is told before the first job, by the rules of the training."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tests.unit.small_detector import SSD

from boxwright.checkpoints import checkpoint_shapes
from boxwright.core.errors import UserError
from boxwright.detector import listing
from boxwright.pipeline import text
from boxwright.run import start_weights

START = "train_config { fine_tune_checkpoint: 'x' fine_tune_checkpoint_type: 'detection' }"
CONFIG = f"{SSD}{START}"


def built(config):
    from boxwright.detector.build import build

    return build(text.parse(config).model, seed=1)


@pytest.fixture(scope="module")
def detector():
    return built(CONFIG)


@pytest.fixture(scope="module")
def network(detector):
    return listing.variables(detector)


def written(folder, values, name="model.ckpt-3"):
    from boxwright.checkpoints import checkpoint_files

    checkpoint_files.write(folder / name, values)
    return folder / name


def test_the_list_is_made_in_a_process_of_its_own(network, detector):
    assert listing.of(text.parse(CONFIG)) == network
    assert network["shapes"] == {name: list(one.shape) for name, one in detector.variables.items()}
    assert network["scopes"] == ["FeatureExtractor"] and network["keys"] == {} == network["classifier_names"]


def test_a_network_that_cannot_be_built_has_no_list(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(CONFIG.replace("ssd_mobilenet_v1", "ssd_pnasnet")))
    assert listing.main() == 1
    assert "ssd_pnasnet" in capsys.readouterr().err


def test_shapes_without_tensorflow(tmp_path):
    import tensorflow as tf

    prefix = written(tmp_path, {"a/b": np.zeros((3, 0, 5), np.float32), "c": np.int64(7), "d": np.zeros(300)})
    assert checkpoint_shapes.shapes(prefix) == {"a/b": (3, 0, 5), "c": (), "d": (300,)}
    assert checkpoint_shapes.shapes(prefix) == {
        name: tuple(shape) for name, shape in tf.train.load_checkpoint(str(prefix)).get_variable_to_shape_map().items()
    }
    assert checkpoint_shapes.shapes(tmp_path / "frozen.pb") is None


CHANGES = {
    "the same": lambda name, value: value,
    "wider": lambda name, value: np.repeat(value, 2, axis=-1),
    "another head": lambda name, value: np.repeat(value, 3, axis=-1) if "Predictor" in name else value,
    "no extractor": lambda name, value: None if name.startswith("FeatureExtractor") else value,
    "a quarter of it": lambda name, value: value if "Conv2d_13_pointwise/" not in name else None,
    "of a classifier": lambda name, value: value,
}


@pytest.mark.parametrize("kind", ["detection", "classification", "full", "everything"])
@pytest.mark.parametrize("case", CHANGES)
def test_it_agrees_with_what_the_training_says(tmp_path, network, detector, case, kind):
    from boxwright.checkpoints import restore

    values = {name: CHANGES[case](name, one.numpy()) for name, one in detector.variables.items()}
    if case == "of a classifier":
        values = {name.removeprefix("FeatureExtractor/"): value for name, value in values.items()}
    prefix = written(tmp_path, {name: value for name, value in values.items() if value is not None})
    config = text.parse(CONFIG)
    config.train_config.fine_tune_checkpoint_type = "detection" if kind == "everything" else kind
    config.train_config.load_all_detection_checkpoint_vars = kind == "everything"
    wrong = start_weights.complaint(
        config, config.train_config.fine_tune_checkpoint_type, network, checkpoint_shapes.shapes(prefix), relabels=False
    )
    arguments = {"checkpoint_type": config.train_config.fine_tune_checkpoint_type, "load_all": kind == "everything"}
    try:
        restore.restore(detector, prefix, **arguments)
    except UserError as error:
        assert wrong, error
    else:
        assert not wrong


@pytest.mark.parametrize("kind", ["detection", "full"])
@pytest.mark.parametrize("fits", [True, False])
def test_a_checkpoint_of_tf2(kind, fits):
    of_tf2 = CONFIG.replace("ssd_mobilenet_v1", "ssd_mobilenet_v2_keras")
    detector, config = built(of_tf2), text.parse(of_tf2)
    config.train_config.fine_tune_checkpoint_type = kind
    keys = detector.object_graph_keys()
    found = {keys[name]: tuple(one.shape) for name, one in detector.variables.items() if fits or "Predictor" in name}
    found["_CHECKPOINTABLE_OBJECT_GRAPH"] = ()
    wrong = start_weights.complaint(config, kind, listing.variables(detector), found, relabels=False)
    assert not wrong if fits else "missing: model/_feature_extractor/" in wrong


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ["FeatureExtractor/MobilenetV1/Conv2d_0/weights", "BoxPredictor_0/x/weights"],
            "has those of ssd_mobilenet_v1",
        ),
        (["FirstStageFeatureExtractor/resnet_v1_50/conv1/weights"], "has those of faster_rcnn_resnet50"),
        (["mine/conv/weights", "mine/other/weights", "mine/conv/biases"], "has mine/conv/, mine/other/"),
    ],
)
def test_what_a_checkpoint_of_another_model_has(names, told):
    network = {"shapes": {"Second/a": [8, 8]}, "scopes": ["Second"], "classifier_names": {}, "classes": [], "keys": {}}
    wrong = start_weights.complaint(text.parse(CONFIG), "full", network, dict.fromkeys(names, (3, 3)), relabels=False)
    assert f"0% are there in the right shape; missing: Second/a; it {told}" in wrong


def test_weights_that_a_classifier_has_under_another_name():
    renamed = {"Second/Repeat/": "Repeat_2/"}
    network = {"shapes": {"Second/Repeat/a": [8, 8]}, "scopes": ["Second"], "classes": [], "keys": {}}
    for names, found, fits in ((renamed, "Repeat_2/a", True), (renamed, "Repeat/a", False), ({}, "Repeat/a", True)):
        listed = {**network, "classifier_names": names}
        wrong = start_weights.complaint(text.parse(CONFIG), "classification", listed, {found: (8, 8)}, relabels=False)
        assert (not wrong) == fits, wrong


@pytest.mark.parametrize("everything", [False, True])
def test_a_whole_detector_with_another_backbone_is_told_by_its_backbone(everything):
    of_v2 = CONFIG.replace("ssd_mobilenet_v1", "ssd_mobilenet_v2")
    theirs, mine = (listing.variables(built(one))["shapes"] for one in (CONFIG, of_v2))
    found = {name: tuple(shape) for name, shape in theirs.items()}
    same = {name for name in mine if name in theirs}
    assert same and all("Predictor" in name for name in same)  # whose shapes differ
    config = text.parse(of_v2)
    config.train_config.load_all_detection_checkpoint_vars = everything
    network = listing.variables(built(of_v2))
    wrong = start_weights.complaint(config, "detection", network, found, relabels=False)
    assert "missing: FeatureExtractor/MobilenetV2/Conv/weights, " in wrong
    assert "; it has those of ssd_mobilenet_v1" in wrong and "in the checkpoint and" not in wrong


@pytest.mark.parametrize(("mine", "theirs"), [(1.0, 0.75), (0.75, 1.0), (1.0, 0.5), (0.5, 0.25)])
def test_a_checkpoint_of_another_width_is_told_the_width(mine, theirs):
    configs = [
        CONFIG.replace("depth_multiplier: 0.25 min_depth: 8", f"depth_multiplier: {one}") for one in (mine, theirs)
    ]
    network, other = (listing.variables(built(config)) for config in configs)
    found = {name: tuple(shape) for name, shape in other["shapes"].items()}
    wrong = start_weights.complaint(text.parse(configs[0]), "detection", network, found, relabels=False)
    told = f"It is of a network of width {theirs:g}, and the model has width {mine:g}: set `overrides: "
    assert told + f"{{model.ssd.feature_extractor.depth_multiplier: {theirs:g}}}`." in wrong


@pytest.fixture
def plan(tmp_path):
    config = text.parse(CONFIG)
    (tmp_path / "results").mkdir()
    return SimpleNamespace(
        results=str(tmp_path / "results"),
        models=["m"],
        configurations={"m": config},
        start=lambda name: str(tmp_path / "model.ckpt-3"),
        zoo=lambda name: None,
        shown=lambda name: name,
        model=lambda name: {"overrides": {}},
        steps=lambda name: [10],
        checkpoint=lambda name, step: [str(tmp_path / "results/models/m/train/model.ckpt-10.index")],
    )


def test_the_list_is_made_once_and_not_for_a_finished_training(plan, tmp_path, network, monkeypatch):
    identities = SimpleNamespace(network=lambda name: "n", train_segment=lambda name: {"config": "c"})
    made = []
    monkeypatch.setattr(listing, "of", lambda config: made.append(config) or network)
    written(tmp_path, {"FeatureExtractor/MobilenetV1/Conv2d_0/weights": np.zeros((3, 3, 3, 4), np.float32)})
    for _ in range(2):
        (told,) = start_weights.mistakes(plan, identities)
        assert told.startswith(f"`models.m.checkpoint`: {tmp_path}/model.ckpt-3 does not fit: ")
    assert len(made) == 1 and json.loads((tmp_path / "results/.networks/n.json").read_text()) == network

    (tmp_path / "results/.networks/n.json").write_text("[]")  # damaged: made again
    assert list(start_weights.mistakes(plan, identities)) and len(made) == 2

    from boxwright.console.checksums import Checksums

    index = tmp_path / "results/models/m/train/model.ckpt-10.index"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"")
    Checksums(plan.results).write([index], made_with={"identity": {"config": "c"}})
    assert not list(start_weights.mistakes(plan, identities)) and len(made) == 2

"""The names in a checkpoint, against TensorFlow's own reader."""

import json

import numpy as np
import pytest
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files, checkpoint_index
from boxwright.core.errors import UserError


@pytest.fixture
def prefix(tmp_path):
    """A checkpoint with names enough for several blocks, and with long beginnings in common."""
    tensors = {f"FeatureExtractor/MobilenetV1/Conv2d_{n}/weights{m}": np.zeros(3) for n in range(40) for m in "abcdef"}
    checkpoint_files.write(tmp_path / "model.ckpt-7", tensors | {"global_step": np.int64(7)})
    return tmp_path / "model.ckpt-7"


def by_tensorflow(prefix):
    return sorted(tf.train.load_checkpoint(str(prefix)).get_variable_to_shape_map())


def test_names_of_a_prefix_and_of_a_folder(prefix):
    found = checkpoint_index.names(prefix)
    assert len(found) == 241 and found == by_tensorflow(prefix)
    assert checkpoint_index.names(prefix.parent) == found


def test_names_of_a_checkpoint_of_objects(tmp_path):
    tracked = tf.train.Checkpoint(model=tf.train.Checkpoint(weight=tf.Variable([1.0])))
    prefix = tracked.write(str(tmp_path / "ckpt"))
    assert checkpoint_index.names(prefix) == by_tensorflow(prefix)


def test_names_of_the_published_checkpoint(shared):
    prefix = next((shared / "models").rglob("model.ckpt.index")).with_suffix("")
    assert checkpoint_index.names(prefix) == by_tensorflow(prefix)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_index_is_named(prefix, damage):
    path = prefix.with_name(prefix.name + ".index")
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[100] ^= 1
    path.write_bytes({"cut": data[: len(data) // 2], "flipped": data, "empty": b""}[damage])
    with pytest.raises(UserError, match=r"The checkpoint index .*model\.ckpt-7\.index is damaged"):
        checkpoint_index.names(prefix)


def test_a_frozen_graph_has_no_index(tmp_path):
    assert checkpoint_index.names(tmp_path / "frozen_inference_graph.pb") is None


def test_no_checkpoint_there(tmp_path):
    with pytest.raises(UserError, match="There is no checkpoint"):
        checkpoint_index.names(tmp_path / "model.ckpt")


def test_kinds_of_checkpoints(shared):
    golden = json.loads((shared / "parity" / "faster_rcnn_resnet50" / "golden.json").read_text())
    names = [variable["name"] for variable in golden["variables"]]
    assert checkpoint_index.kind_of(names) == "detection"
    assert checkpoint_index.kind_of(["resnet_v1_50/block1/unit_1/weights"]) == "classification"
    assert (
        checkpoint_index.kind_of(["model/_feature_extractor/classification_backbone/x/.ATTRIBUTES/VALUE"])
        == "detection"
    )
    assert checkpoint_index.kind_of(["dense/kernel", "step"]) is None

"""The names in a checkpoint, against TensorFlow's own reader."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2

from boxwright import tfrecord
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
    with pytest.raises(UserError, match=r"model\.ckpt-7 .* is damaged or incomplete: model\.ckpt-7\.index: "):
        checkpoint_index.names(prefix)


def test_a_frozen_graph_has_no_index(tmp_path):
    assert checkpoint_index.names(tmp_path / "frozen_inference_graph.pb") is None


def test_no_checkpoint_there(tmp_path):
    with pytest.raises(UserError, match="There is no checkpoint"):
        checkpoint_index.names(tmp_path / "model.ckpt")


@pytest.mark.parametrize("named", ["x" * 5000, "a\0b", "../" * 2000 + "model.ckpt-7", "", '"'])
def test_a_state_that_names_nothing_possible(prefix, named):
    (prefix.parent / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n')
    assert len(checkpoint_index.names(prefix.parent)) == 241  # those of the only checkpoint in the folder


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


def changed(prefix, **fields):
    """Rewrite the index of a checkpoint of one tensor, "a", with other fields of its entry and right checksums."""
    entry = tensor_bundle_pb2.BundleEntryProto(dtype=1, size=8, shape={"dim": [{"size": 2}]})
    entry.MergeFrom(tensor_bundle_pb2.BundleEntryProto(**fields))
    header = tensor_bundle_pb2.BundleHeaderProto(num_shards=1, version={"producer": 1})
    index = b""
    for key, message in ((b"", header), (b"a", entry)):
        value = message.SerializeToString()
        index += bytes([0, len(key), len(value)]) + key + value
    data = block(index)
    handles = bytes([0, 0, len(data), len(block(b"\0\1\2z\0" + bytes([len(data) - 5]))) - 5])
    data += block(b"\0\1\2z\0" + bytes([len(data) - 5])) + handles.ljust(40, b"\0")
    Path(f"{prefix}.index").write_bytes(data + (0xDB4775248B80FB57).to_bytes(8, "little"))


def block(entries):
    content = entries + struct.pack("<II", 0, 1) + b"\0"
    return content + struct.pack("<I", tfrecord.masked_crc(content))


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": {"dim": [{"size": -1}]}},
        {"shape": {"dim": [{"size": 2**62}, {"size": 2**62}]}},
        {"shape": {"unknown_rank": True}},
        {"shape": {"dim": [{"size": 10**9}]}},
        {"dtype": -1},
        {"dtype": 101},
        {"shard_id": 1},
        {"shard_id": -1},
        {"offset": -1},
        {"size": 2**62, "offset": 2**62},
    ],
)
def test_entries_on_which_tensorflow_would_abort(tmp_path, fields):
    prefix = tmp_path / "model.ckpt"
    changed(prefix)
    Path(f"{prefix}.data-00000-of-00001").write_bytes(bytes(8))
    assert checkpoint_files.names(prefix) == {"a": (2,)}
    changed(prefix, **fields)
    for read in (checkpoint_index.names, checkpoint_files.read):
        with pytest.raises(UserError, match=r"of b'a' (is impossible|does not fit its 8 bytes)"):
            read(prefix)

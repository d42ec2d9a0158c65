"""A TF2 checkpoint of ours is one that TensorFlow reads by its object graph."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files, object_graph_file


class Layer(tf.Module):
    def __init__(self, value):
        super().__init__()
        self.kernel = tf.Variable(value)


class Head(tf.Module):
    """A list of layers, as in towers, and a name with a slash, as in CenterNet's heads."""

    def __init__(self, values):
        super().__init__()
        self.layers = [Layer(value) for value in values]
        self.by_name = {"box/scale": Layer(values[0] + 10)}


class Model(tf.Module):
    def __init__(self, values):
        super().__init__()
        self._box_predictor = Head(values)


VALUES = [np.float32([1, 2]), np.float32([[3.5]])]


@pytest.fixture
def theirs(tmp_path):
    """The prefix of a checkpoint that TensorFlow itself saved."""
    return tf.train.Checkpoint(model=Model(VALUES)).write(str(tmp_path / "theirs"))


@pytest.fixture
def ours(theirs, tmp_path):
    """The same weights, written by us."""
    reader = checkpoint_files.read(theirs)
    keys = [key for key in reader.shapes if key.startswith("model/")]
    entries = object_graph_file.with_graph({key: reader.value(key) for key in keys})
    checkpoint_files.write(tmp_path / "ours", entries)
    return tmp_path / "ours"


def test_tensorflow_restores_every_variable_by_the_graph(ours):
    model = Model([0 * value for value in VALUES])
    status = tf.train.Checkpoint(model=model).restore(str(ours))
    status.assert_existing_objects_matched().assert_consumed()
    for layer, value in zip(model._box_predictor.layers, VALUES, strict=True):
        np.testing.assert_array_equal(layer.kernel, value)
    np.testing.assert_array_equal(model._box_predictor.by_name["box/scale"].kernel, VALUES[0] + 10)


def test_it_has_the_entries_that_tensorflow_writes(ours, tmp_path):
    checkpoint = tf.train.Checkpoint(model=Model(VALUES))
    saved = checkpoint_files.read(checkpoint.save(str(tmp_path / "saved")))
    written = checkpoint_files.read(ours)
    assert written.shapes == saved.shapes
    assert written.object_graph
    for key in saved.shapes:
        if key != checkpoint_files.OBJECT_GRAPH:
            assert written.value(key).dtype == saved.value(key).dtype
            np.testing.assert_array_equal(written.value(key), saved.value(key))


def test_equal_weights_give_equal_bytes(ours, tmp_path):
    again = checkpoint_files.read(ours)
    values = {key: again.value(key) for key in sorted(again.shapes, reverse=True) if key.startswith("model/")}
    checkpoint_files.write(tmp_path / "again", object_graph_file.with_graph(values))
    for suffix in (".index", ".data-00000-of-00001"):
        assert (tmp_path / f"again{suffix}").read_bytes() == ours.with_name(f"ours{suffix}").read_bytes()

"""Frozen graphs as a source of weights: with batch norm in its several forms, and computed away."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.checkpoints import frozen_graph, restore
from boxwright.core.errors import UserError
from boxwright.detector.build import build
from boxwright.export import graph

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.standard_normal((3, 3, 2, 4)).astype(np.float32)
GAMMA, BETA, MEAN, VARIANCE = (RANDOM.uniform(0.5, 1.5, 4).astype(np.float32) for _ in range(4))
LAYER = "FeatureExtractor/MobilenetV1/Conv2d_0"
SCOPE = "FeatureExtractor/MobilenetV1/MobilenetV1/Conv2d_0"
EPSILON = 1e-3


def frozen(build) -> tf.compat.v1.GraphDef:
    with tf.Graph().as_default() as whole:
        build(tf.compat.v1.placeholder(tf.float32, [1, 8, 8, 2], "x"))
    return whole.as_graph_def()


def assert_layer(weights: dict, scale: np.ndarray, shift: np.ndarray) -> None:
    """The batch norm that was read does what `scale` and `shift` do."""
    gamma, beta, mean, variance = (
        weights[f"{LAYER}/BatchNorm/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    factor = gamma / np.sqrt(variance + EPSILON)
    np.testing.assert_allclose(factor, scale, rtol=1e-5)
    np.testing.assert_allclose(beta - mean * factor, shift, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(weights[f"{LAYER}/weights"], KERNEL)


def test_variables_that_kept_their_names():
    def build(x):
        kernel = tf.identity(tf.constant(KERNEL, name=f"{LAYER}/weights"))
        y = tf.nn.conv2d(x, kernel, 1, "SAME", name=f"{SCOPE}/Conv2D")
        parts = {"gamma": GAMMA, "beta": BETA, "moving_mean": MEAN, "moving_variance": VARIANCE}
        constants = {part: tf.constant(value, name=f"{LAYER}/BatchNorm/{part}") for part, value in parts.items()}
        tf.compat.v1.nn.fused_batch_norm(
            y, constants["gamma"], constants["beta"], constants["moving_mean"], constants["moving_variance"],
            epsilon=EPSILON, is_training=False,
        )  # fmt: skip

    weights = frozen_graph.weights_of(frozen(build))
    np.testing.assert_array_equal(weights[f"{LAYER}/BatchNorm/moving_variance"], VARIANCE)
    scale = GAMMA / np.sqrt(VARIANCE + EPSILON)
    assert_layer(weights, scale, BETA - MEAN * scale)


def test_batch_norm_that_became_a_factor_and_an_offset():
    def build(x):
        y = tf.nn.conv2d(x, tf.constant(KERNEL, name=f"{LAYER}/weights"), 1, "SAME", name=f"{SCOPE}/Conv2D")
        y = tf.multiply(y, tf.constant(GAMMA), name=f"{SCOPE}/BatchNorm/batchnorm/mul")
        tf.add(y, tf.constant(BETA), name=f"{SCOPE}/BatchNorm/batchnorm/add")

    assert_layer(frozen_graph.weights_of(frozen(build)), GAMMA, BETA)


def test_batch_norm_that_is_part_of_the_kernel():
    def build(x):
        y = tf.nn.conv2d(x, tf.constant(KERNEL), 1, "SAME", name=f"{SCOPE}/Conv2D")
        tf.nn.relu6(tf.nn.bias_add(y, tf.constant(BETA)))

    weights = frozen_graph.weights_of(frozen(build))
    assert_layer(weights, np.ones(4, np.float32), BETA)
    np.testing.assert_array_equal(weights[f"{LAYER}/biases"], BETA)


def test_depthwise_layers():
    kernel = KERNEL[:, :, :, :1]

    def build(x):
        y = tf.nn.depthwise_conv2d(x, tf.constant(kernel), [1, 1, 1, 1], "SAME", name=f"{SCOPE}/depthwise")
        tf.nn.bias_add(y, tf.constant(BETA[:2]))

    weights = frozen_graph.weights_of(frozen(build))
    np.testing.assert_array_equal(weights[f"{LAYER}/depthwise_weights"], kernel)
    np.testing.assert_array_equal(weights[f"{LAYER}/BatchNorm/beta"], BETA[:2])


def test_a_file_that_is_no_frozen_graph(tmp_path):
    path = tmp_path / "model.pb"
    path.write_bytes(b"\xff\xff not a graph")
    with pytest.raises(UserError, match="GraphDef"):
        frozen_graph.read(path)
    path.write_bytes(frozen(tf.identity).SerializeToString())
    with pytest.raises(UserError, match="not a frozen graph"):
        frozen_graph.read(path)
    with pytest.raises(UserError, match="cannot be read"):
        frozen_graph.read(tmp_path / "missing.pb")


def test_a_detector_comes_back_from_its_own_frozen_graph(model, tmp_path):
    source = build(model, seed=1)
    for name, variable in source.variables.items():
        if "BatchNorm" in name:
            variable.assign(tf.random.stateless_uniform(variable.shape, [0, len(name)], 0.5, 1.5))
    definition = graph.frozen(
        lambda images: {"codes": source.predict(images)["box_encodings"]},
        "images",
        tf.TensorSpec([None, 64, 64, 3]),
    )
    path = tmp_path / "frozen_inference_graph.pb"
    path.write_bytes(definition.SerializeToString())
    restored = build(model, seed=2)
    report = restore.restore(restored, path)
    assert report.share > 0.9
    images = tf.random.stateless_uniform([1, 64, 64, 3], [0, 1], -1, 1)
    for ours, theirs in zip(restored.feature_maps(images), source.feature_maps(images), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


WEIGHTS = f"{LAYER}/weights"


@pytest.fixture(scope="module")
def sound() -> tf.compat.v1.GraphDef:
    """A layer whose weights have their own name, beside operations that must never run."""

    def build(x):
        tf.compat.v1.py_func(lambda: np.float32(1), [], tf.float32, name="call")
        tf.io.write_file("graph_was_executed", "x", name="write")
        y = tf.nn.conv2d(x, tf.constant(KERNEL, name=WEIGHTS), 1, "SAME", name=f"{SCOPE}/Conv2D")
        tf.nn.bias_add(y, tf.constant(BETA))

    return frozen(build)


def changed(sound, change) -> bytes:
    """The graph with its weights' tensor changed by a function."""
    graph = tf.compat.v1.GraphDef()
    graph.CopyFrom(sound)
    change(next(node for node in graph.node if node.name == WEIGHTS).attr["value"].tensor)
    return graph.SerializeToString()


def sized(*sizes):
    def change(tensor):
        for dim, size in zip(tensor.tensor_shape.dim, sizes, strict=False):
            dim.size = size

    return change


def repeated(*sizes):
    def change(tensor):
        tensor.tensor_content = b""
        tensor.float_val.append(1.0)
        sized(*sizes)(tensor)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (sized(100000, 100000, 100000, 100000), "bytes of values"),
        (sized(-3), "impossible shape"),
        (sized(2), "has the shape [2, 3, 2, 4], but 288 bytes of values"),
        (repeated(100000, 100000), "its weights take over 2 GB"),
        (lambda tensor: setattr(tensor, "tensor_content", b"abc"), "3 bytes of values"),
        (lambda tensor: setattr(tensor, "dtype", 7), "is of type string"),
        (lambda tensor: setattr(tensor, "dtype", 999), "is of type 999, which does not exist"),
    ],
)
def test_weights_that_cannot_be_what_they_say(sound, tmp_path, change, said):
    path = tmp_path / "model.pb"
    path.write_bytes(changed(sound, change))
    with pytest.raises(UserError) as error:
        frozen_graph.read(path)
    assert f"{path} is damaged: " in str(error.value) and said in str(error.value) and WEIGHTS in str(error.value)


def test_a_value_that_is_repeated_is_read(sound, tmp_path):
    (tmp_path / "model.pb").write_bytes(changed(sound, repeated()))
    np.testing.assert_array_equal(frozen_graph.read(tmp_path / "model.pb")[WEIGHTS], np.ones_like(KERNEL))


def test_nodes_in_a_circle_or_without_inputs_end():
    graph = tf.compat.v1.GraphDef()
    layer = "FeatureExtractor/MobilenetV1"
    for name, op, *inputs in (
        ("a", "Identity", "b"),
        ("b", "Identity", "a"),
        (f"{layer}/circle/Conv2D", "Conv2D", "x", "a"),
        (f"{layer}/bare/Conv2D", "Conv2D"),
        (f"{layer}/fused/Conv2D", "_FusedConv2D", "x", "kernel"),
        (f"{layer}/norm/Conv2D", "Conv2D", "x", "kernel"),
        ("norm", "FusedBatchNormV3", f"{layer}/norm/Conv2D"),
        (f"{layer}/long/Conv2D", "Conv2D", "long/Identity2", "kernel"),
        ("long/Identity", "Identity", f"{layer}/long/Conv2D"),
        ("long/Identity2", "Identity", "long/Identity"),
        (f"{layer}/held/Conv2D", "Conv2D", "x", "kernel"),
        ("held", "Add", "x", "y", f"^{layer}/held/Conv2D"),
    ):
        graph.node.add(name=name, op=op).input.extend(inputs)
    graph.node.add(name="kernel", op="Const").attr["value"].tensor.CopyFrom(tf.make_tensor_proto(KERNEL))
    weights = frozen_graph.weights_of(graph)
    assert set(weights) >= {f"{layer}/{name}/weights" for name in ("fused", "norm", "long", "held")}
    assert not any("circle" in name or "bare" in name for name in weights)
    assert f"{layer}/fused/biases" not in weights, "an offset that is not there is not taken for zero"


def test_mutants_are_read_or_refused_in_words(sound, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, path = sound.SerializeToString(deterministic=True), tmp_path / "model.pb"
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        mutant = bytearray(data)
        for place in rng.integers(0, len(mutant), rng.integers(1, 5)):
            mutant[place] = rng.integers(0, 256)
        path.write_bytes(mutant[: rng.integers(1, len(mutant))] if rng.random() < 0.2 else mutant)
        try:
            frozen_graph.read(path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error)
    assert 0 < refused < 400
    assert not (tmp_path / "graph_was_executed").exists()

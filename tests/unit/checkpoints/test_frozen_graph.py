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

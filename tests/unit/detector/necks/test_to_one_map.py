"""The necks that make one map of those of a backbone."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Variables
from boxwright.detector.necks import deconvolutions, top_down, upsampling
from boxwright.detector.transposed import TransposedConvolution

BACKBONE = SimpleNamespace(channels={2: 2, 3: 3, 4: 4, 5: 5})
MAPS = {
    level: tf.random.stateless_normal([1, 64 >> level, 96 >> level, channels], [level, 0])
    for level, channels in BACKBONE.channels.items()
}


def test_the_path_from_the_top_down():
    variables = Variables(seed=1)
    neck = top_down.make(variables, "S", BACKBONE, widths=(8, 6, 4))
    (found,) = neck(MAPS).values()
    assert found.shape == (1, 16, 24, 4) and neck.channels == {2: 4}
    shapes = {name: tuple(variable.shape) for name, variable in variables.by_name.items()}
    assert shapes["S/top_down/projection_5/weights"] == (1, 1, 5, 8)
    assert shapes["S/top_down/projection_4/weights"] == (1, 1, 4, 8)
    assert [shapes[f"S/top_down/smoothing_{level}/weights"][2:] for level in (4, 3, 2)] == [(8, 6), (6, 4), (4, 4)]
    x = neck._first(MAPS[5])
    for level, projection, smoothing in zip((4, 3, 2), neck._projections, neck._smoothing, strict=True):
        x = smoothing(upsampling.twice(x) + projection(MAPS[level]))
    np.testing.assert_array_equal(found, x)


def test_separable_and_bilinear():
    variables = Variables()
    settings = {"use_separable_conv": True, "upsampling_interpolation": "bilinear"}
    neck = top_down.make(variables, "S", BACKBONE, widths=(8, 6, 4), **settings)
    assert neck(MAPS)[2].shape == (1, 16, 24, 4)
    assert variables.by_name["S/top_down/smoothing_2/pointwise_weights"].shape == (1, 1, 4, 4)
    keys = neck.object_graph_keys()
    assert keys.keys() == variables.by_name.keys() and len(set(keys.values())) == len(keys)
    ramp = tf.reshape(tf.range(4.0), [1, 1, 4, 1])
    np.testing.assert_allclose(
        upsampling.twice_bilinear(ramp)[0, 0, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=1e-6
    )


def test_deconvolutions():
    variables = Variables()
    neck = deconvolutions.make(variables, "S", SimpleNamespace(channels={5: 5}))
    assert neck({5: MAPS[5]})[2].shape == (1, 16, 24, 64) and neck.channels == {2: 64}
    keys = neck.object_graph_keys()
    assert keys.keys() == variables.by_name.keys()
    last = "model/_feature_extractor/_feature_extractor_model/layer_with_weights-11/kernel/.ATTRIBUTES/VARIABLE_VALUE"
    assert keys["S/deconvolutions/transposed_3/weights"] == last
    assert variables.by_name["S/deconvolutions/transposed_1/weights"].shape == (3, 3, 256, 256)


@pytest.mark.parametrize("size", [(2, 3), (None, None)])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(size):
    layer = TransposedConvolution(Variables(seed=2), "L", 5, 7, Hyperparams(activation=None), stride=2)
    x = tf.random.stateless_normal([2, 2, 3, 5], [0, 3])
    found = tf.function(layer, input_signature=[tf.TensorSpec([None, *size, 5])])(x)
    with tf.GradientTape() as tape:
        fine = tf.zeros([2, 4, 6, 7])
        tape.watch(fine)
        coarse = tf.nn.conv2d(fine, layer.weights, 2, "SAME")
    np.testing.assert_allclose(found, tape.gradient(coarse, fine, x), atol=1e-5)


def test_a_transposed_convolution_with_batch_norm_folded_is_the_same():
    settings = Hyperparams(batch_norm=BatchNorm(scale=True), bias=True)
    layer = TransposedConvolution(Variables(seed=2), "L", 5, 7, settings, stride=2)
    for variable in (layer.biases, layer.normalizer.gamma, layer.normalizer.beta, layer.normalizer.mean):
        variable.assign(tf.random.stateless_normal(variable.shape, [1, len(variable.name)]))
    x = tf.random.stateless_normal([2, 2, 3, 5], [0, 3])
    scale, shift = layer.normalizer.scale_and_shift()
    apart = tf.nn.relu(layer._biased(layer._convolve(x, layer.weights)) * scale + shift)
    np.testing.assert_allclose(layer(x), apart, atol=1e-5)

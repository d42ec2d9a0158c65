"""Hourglasses; the whole network is a recorded case, and takes long to build."""

import numpy as np
import tensorflow as tf

from boxwright.detector.backbones import hourglass
from boxwright.detector.layers import Variables


def test_an_hourglass_keeps_the_map_and_has_keys_of_its_own():
    variables = Variables(seed=1)
    network = hourglass.Hourglass(variables, "H", (4, 6, 8), (2, 1, 3))
    x = tf.random.stateless_normal([2, 8, 12, 4], [0, 1])
    assert network(x).shape == x.shape
    names = {name.removesuffix("/conv/weights") for name in variables.by_name if name.endswith("/weights")}
    assert {"H/encoder_block1/1/conv_block", "H/encoder_block2/0/skip", "H/inner_block/0/inner_block/2"} <= names
    assert "H/decoder_block/1/skip" in names and "H/decoder_block/0/skip" not in names
    keys = network.keys("root")
    assert keys.keys() == variables.by_name.keys() and len(set(keys.values())) == len(keys)
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    assert keys["H/decoder_block/0/conv/weights"] == f"root/decoder_block/0/conv/kernel{suffix}"
    assert keys["H/decoder_block/0/conv/BatchNorm/gamma"] == f"root/decoder_block/0/norm/gamma{suffix}"


def test_what_goes_into_an_hourglass_comes_out_beside_the_path_through_it():
    network = hourglass.Hourglass(Variables(seed=1), "H", (4, 6), (1, 1))
    x = tf.random.stateless_normal([1, 4, 6, 4], [0, 1])
    kept = network._parts["encoder_block1"][0](x)
    y = x
    for part in ("encoder_block2", "inner_block", "decoder_block"):
        y = network._parts[part][0](y)
    assert y.shape == (1, 2, 3, 4)
    np.testing.assert_allclose(network(x), kept + np.repeat(np.repeat(y, 2, 1), 2, 2), atol=1e-6)


def test_a_moving_variance_is_that_of_the_batch_over_n():
    layer = hourglass.Normalised(Variables(seed=1), "N", 3, 2, kernel=1, activated=False)
    x = tf.random.stateless_normal([2, 1, 2, 3], [0, 1])
    layer(x, training=True)
    variance = tf.nn.moments(tf.nn.conv2d(x, layer.layer.weights, 1, "SAME"), [0, 1, 2])[1]
    np.testing.assert_allclose(layer.layer.normalizer.variance, 0.1 + 0.9 * variance, rtol=1e-5)

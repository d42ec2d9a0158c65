"""ResNet v2, whose units begin with batch norm."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.backbones import resnet_v2
from boxwright.detector.layers import Variables

X = tf.random.stateless_normal([1, 5, 7, 8], [0, 1])


@pytest.mark.parametrize(("stride", "project", "size"), [(1, True, (5, 7)), (1, False, (5, 7)), (2, False, (3, 4))])
def test_a_unit(stride, project, size):
    width = 4 if project else 2
    unit = resnet_v2.Unit(Variables(seed=1), "U", 8, width, stride=stride, project=project)
    found = unit(X)
    assert found.shape == (1, *size, 4 * width)
    y = tf.nn.relu(X / tf.sqrt(1 + 1.001e-5))
    shortcut = unit._shortcut(y) if project else X[:, ::stride, ::stride]
    for layer in unit._convolutions:
        y = layer(y)
    np.testing.assert_allclose(found, shortcut + y, atol=1e-5)
    assert (unit._shortcut is not None) == project


def test_in_training_the_batch_decides_and_the_averages_move():
    unit = resnet_v2.Unit(Variables(seed=1), "U", 8, 2, stride=1, project=False)
    y = unit._activated(X, True)
    mean, variance = tf.nn.moments(X, [0, 1, 2])
    np.testing.assert_allclose(y, tf.nn.relu((X - mean) * tf.math.rsqrt(variance + 1.001e-5)), atol=1e-5)
    np.testing.assert_allclose(unit._first.mean, 0.01 * mean, atol=1e-6)


def test_the_last_batch_norm_is_in_checkpoints_alone():
    variables = Variables()
    network = resnet_v2.center_features(variables, "S", depth=50)
    unused = {f"S/postnorm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    assert unused <= variables.by_name.keys() and not unused & set(variables.trainable)
    keys = network.object_graph_keys()
    assert keys.keys() == variables.by_name.keys() and len(set(keys.values())) == len(keys)
    places = {int(key.split("layer_with_weights-")[1].split("/")[0]) for key in keys.values()}
    assert places == set(range(102))
    assert network(tf.zeros([1, 64, 96, 3]))[5].shape == (1, 2, 3, 2048)

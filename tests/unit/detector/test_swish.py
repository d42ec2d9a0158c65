"""Swish is TensorFlow's, and so is its gradient."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.swish import swish


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.float16])
def test_values_are_tensorflows(dtype):
    x = tf.cast(tf.linspace(-20.0, 20.0, 999), dtype)
    y = swish(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, tf.nn.swish(x))


def test_gradient_is_tensorflows():
    x = tf.constant([[-100.0, -20.0, -3.0, -1.278], [0.0, 0.5, 8.0, 100.0]])
    gradients = []
    for activation in (swish, tf.nn.swish):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(activation(x) * tf.constant([1.0, -2.0, 3.0, 0.5]))
        gradients.append(tape.gradient(loss, x))
    np.testing.assert_allclose(*gradients, rtol=1e-6, atol=1e-6)

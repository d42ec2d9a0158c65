"""Swish, the activation of EfficientNet and EfficientDet (Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941).

The values are TensorFlow's own, `tf.nn.swish`. Its gradient computes the sigmoid again, to save memory, and so takes
twice as long as this one, which keeps the sigmoid in the place of the input.
"""

from collections.abc import Callable

import tensorflow as tf


@tf.custom_gradient
def swish(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """x * sigmoid(x), of any shape."""
    gate = tf.sigmoid(x)
    y = x * gate

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * (gate + y * (1 - gate))

    return y, gradient

"""Squeeze and excitation: weights for the channels of a map (Hu et al. 2018, https://arxiv.org/abs/1709.01507)."""

from collections.abc import Callable

import tensorflow as tf

from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables


class SqueezeExcite:
    """The mean of each channel goes through two 1x1 convolutions with biases; the map is multiplied by the result.

    The variables are `<name>/Conv/...` and `<name>/Conv_1/...`.

    squeezed: channels between the two.
    hyperparams: of both convolutions, which have no batch norm.
    activation, gate: after the first and after the second.
    """

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels: int,
        squeezed: int,
        hyperparams: Hyperparams,
        activation: Callable[[tf.Tensor], tf.Tensor],
        gate: Callable[[tf.Tensor], tf.Tensor],
    ):
        plain = hyperparams.head()
        self.layers = [
            Convolution(variables, f"{name}/Conv", channels, squeezed, plain.activated(activation), kernel=1),
            Convolution(variables, f"{name}/Conv_1", squeezed, channels, plain.activated(gate), kernel=1),
        ]

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """[B, H, W, channels] -> the same shape."""
        weights = tf.reduce_mean(x, [1, 2], keepdims=True)
        for layer in self.layers:
            weights = layer(weights)
        return x * weights

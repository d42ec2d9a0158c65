"""Separable convolutions: each channel with its own filter, then a 1x1 convolution, as one layer.

Unlike a depthwise and a pointwise layer in a row, nothing lies between the two, and batch norm or bias follow the
second (Chollet 2016, https://arxiv.org/abs/1610.02357).
"""

from collections.abc import Mapping

import tensorflow as tf

from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables


class SeparableConvolution(Convolution):
    """A separable convolution with its batch norm or bias and its activation.

    The variables are `<name>/depthwise_weights` [height, width, channels_in, 1], `<name>/pointwise_weights`
    [1, 1, channels_in, channels_out], and those that a `Convolution` has beside its kernel.

    hyperparams: settings of the layer and of its pointwise kernel. depthwise: those of the depthwise kernel.
    """

    kernels: Mapping[str, str] = {"depthwise_weights": "depthwise_kernel", "pointwise_weights": "pointwise_kernel"}

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        channels_out: int,
        hyperparams: Hyperparams,
        depthwise: Hyperparams,
        **settings,
    ):
        self._depthwise = depthwise
        super().__init__(variables, name, channels_in, channels_out, hyperparams, **settings)

    def _add_weights(self, variables: Variables, hyperparams: Hyperparams) -> tf.Variable:
        self.depthwise_weights = variables.add(
            f"{self.name}/depthwise_weights",
            (*self.kernel, self.channels_in, 1),
            self._depthwise.initializer,
            regularizer=self._depthwise.regularizer,
        )
        shape = (1, 1, self.channels_in, self.channels_out)
        name = f"{self.name}/pointwise_weights"
        return variables.add(name, shape, hyperparams.initializer, regularizer=hyperparams.regularizer)

    def _convolve(self, x: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor | None = None) -> tf.Tensor:
        """`weights` are the pointwise ones, perhaps scaled by batch norm."""
        of_channels = self.depthwise_weights
        x = self.precision.depthwise_convolution(x, of_channels, self.stride, self._padding_left, self.rate)
        return self.precision.convolution(x, weights, 1, "VALID", biases=biases)

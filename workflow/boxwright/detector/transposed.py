"""Transposed convolutions, which make a map finer (Dumoulin and Visin 2016, https://arxiv.org/abs/1603.07285, 4)."""

import tensorflow as tf

from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.precision import biased


class TransposedConvolution(Convolution):
    """The gradient of a convolution with "SAME" padding and stride, as a layer: the sides grow by the stride.

    The kernel is [height, width, channels_out, channels_in]; otherwise like Convolution.
    """

    def _add_weights(self, variables: Variables, hyperparams: Hyperparams) -> tf.Variable:
        shape = (*self.kernel, self.channels_out, self.channels_in)
        name = f"{self.name}/weights"
        return variables.add(name, shape, hyperparams.initializer, regularizer=hyperparams.regularizer)

    def _scaled(self, scale: tf.Tensor) -> tf.Tensor:
        return self.weights * scale[:, tf.newaxis]

    def _convolve(self, x: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor | None = None) -> tf.Tensor:
        batch, height, width = tf.unstack(tf.shape(x)[:3])
        shape = [batch, height * self.stride, width * self.stride, self.channels_out]
        x, weights = tf.cast(x, self.precision.tensors), tf.cast(weights, self.precision.tensors)
        y = tf.nn.conv2d_transpose(x, weights, shape, self.stride, "SAME")
        sides = [None if side is None else side * self.stride for side in x.shape[1:3]]
        y.set_shape([x.shape[0], *sides, self.channels_out])
        return biased(y, biases)

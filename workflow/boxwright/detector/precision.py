"""The types in which a network computes: those of its tensors, and those of its products.

On a GPU both are the same: less precision halves the memory and runs on tensor cores. On a CPU convolutions and matrix
products gain, by instructions that multiply bfloat16 and add in float32; little else does. So on a CPU the factors of
products are rounded, and everything else stays float32. In the backbone and the neck of many networks the tensors
between layers are rounded too, which saves the conversions (`between_layers_too`): what a product takes and gives is
rounded anyway. Never in a head: the bias of rare classes would be rounded with the logits. Losses, statistics and
weights are float32 in any case.
"""

from typing import NamedTuple

import tensorflow as tf

# The multiplications of a convolution for each number of its input and its output, from which on rounding them to
# bfloat16 pays: those of a 1x1 convolution of 64 channels to 64. Measured with AMX, forward and both gradients.
LEAST_WORK = 32


class Precision(NamedTuple):
    """tensors: the type of the tensors between layers. products: the type of the factors of convolutions and of
    products of matrices. gpu: whether a GPU rounds, which does it with any convolution. Variables are float32 in
    any case.
    """

    tensors: tf.DType = tf.float32
    products: tf.DType = tf.float32
    gpu: bool = False

    def between_layers_too(self) -> "Precision":
        """This precision with the type of the products for the tensors between layers."""
        return self._replace(tensors=self.products)

    def convolution(
        self,
        x: tf.Tensor,
        filters: tf.Tensor,
        stride: int,
        padding: str,
        rate: int = 1,
        biases: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """[B, H, W, C] * [h, w, C, D] (+ [D]) -> [B, H', W', D], of the type `tensors`; padding is "SAME" or "VALID".

        Two kinds of convolutions are not rounded on a CPU. Rounding those with few multiplications for each rounded
        number (`LEAST_WORK`) costs more than it saves, unless the tensors between layers are rounded anyway. The other
        kind are those whose gradients would be undefined (`_defined`).
        """
        kind = self.products
        if kind != self.tensors and not self.gpu and _work(filters, stride) < LEAST_WORK:
            kind = self.tensors
        x, kind, padding = self._defined(x, kind, filters, stride, padding, rate)
        x, filters = tf.cast(x, kind), tf.cast(filters, kind)
        if rate == 1:
            y = tf.nn.conv2d(x, filters, stride, padding)
        else:
            # conv2d's own dilation has no gradient on a CPU; this function uses space-to-batch instead.
            y = tf.nn.convolution(x, filters, stride, padding, dilations=rate)
        # TensorFlow fuses them with the convolution if they are added before it is converted.
        return tf.cast(biased(y, biases), self.tensors)

    def depthwise_convolution(
        self,
        x: tf.Tensor,
        filters: tf.Tensor,
        stride: int,
        padding: str,
        rate: int = 1,
        biases: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """[B, H, W, C] * [h, w, C, n] (+ [C * n]) -> [B, H', W', C * n], of the type `tensors`; otherwise as above."""
        x, kind, padding = self._defined(x, self.tensors, filters, stride, padding, rate)
        strides, rates = [1, stride, stride, 1], [rate, rate]
        y = tf.nn.depthwise_conv2d(tf.cast(x, kind), tf.cast(filters, kind), strides, padding, dilations=rates)
        return tf.cast(biased(y, biases), self.tensors)

    def _defined(
        self, x: tf.Tensor, kind: tf.DType, filters: tf.Tensor, stride: int, padding: str, rate: int
    ) -> tuple[tf.Tensor, tf.DType, str]:
        """The tensor, the type and the padding with which a convolution in type `kind` has defined gradients.

        TensorFlow's bfloat16 kernels for CPUs leave those of a kernel undefined that is larger than its map. Such a
        convolution stays float32, and a map of unknown size is padded before it is convolved.
        """
        if kind == tf.float32 or self.gpu:
            return x, kind, padding
        sides = [(side - 1) * rate + 1 for side in filters.shape[:2]]
        if padding == "SAME" and None in x.shape[1:3]:
            return (padded(x, sides, stride) if max(sides) > 1 else x), kind, "VALID"
        larger = any(size and side > size for side, size in zip(sides, x.shape[1:3], strict=True))
        return x, tf.float32 if larger else kind, padding

    def product(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """The product of two matrices, of the type of the products."""
        return tf.matmul(tf.cast(a, self.products), tf.cast(b, self.products))


FLOAT32 = Precision()


def of(name: str, gpu: bool) -> Precision:
    """What a setting (float32, bfloat16 or float16) means on a GPU or on a CPU, where float16 is float32."""
    kind = tf.as_dtype(name)
    if kind == tf.float32:
        return FLOAT32
    if gpu:
        return Precision(kind, kind, gpu=True)
    return Precision(products=kind) if kind == tf.bfloat16 else FLOAT32


def biased(y: tf.Tensor, biases: tf.Tensor | None) -> tf.Tensor:
    """[..., D] plus the biases [D], if there are any; of the type of `y`."""
    return y if biases is None else tf.nn.bias_add(y, tf.cast(biases, y.dtype))


def _work(filters: tf.Tensor, stride: int) -> float:
    """The multiplications of a convolution with these filters [h, w, C, D] for each number of input and output."""
    height, width, channels, depth = filters.shape
    return height * width * channels * depth / (stride**2 * channels + depth)


def padded(x: tf.Tensor, sides: list[int], stride: int) -> tf.Tensor:
    """[B, H, W, C] with the zeros around it that "SAME" means for kernels of these sides."""
    amounts = [[0, 0]]
    for side, size in zip(sides, tf.unstack(tf.shape(x)[1:3]), strict=True):
        total = tf.maximum((-(-size // stride) - 1) * stride + side - size, 0)
        amounts.append([total // 2, total - total // 2])
    return tf.pad(x, [*amounts, [0, 0]])

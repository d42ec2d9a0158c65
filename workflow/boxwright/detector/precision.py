"""The types in which a network computes: those of its tensors, and those of its products.

On a GPU both are the same: less precision halves the memory and runs on tensor cores. On a CPU convolutions and matrix
products gain, by instructions that multiply bfloat16 and add in float32; depthwise convolutions, batch norm of batches
and some activations are slower in bfloat16 than in float32 there. So on a CPU the factors of products are rounded, and
everything else stays float32. The exception are networks that hardly have anything but dense convolutions, such as a
ResNet: there all tensors between layers are rounded, which saves the conversions (`between_layers_too`). Losses,
statistics and weights are float32 in any case.
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
        number (`LEAST_WORK`) costs more than it saves. And TensorFlow's bfloat16 kernels for CPUs leave the gradients
        undefined where a kernel is larger than its map; so a map of unknown size is padded before it is convolved.
        """
        kind = self.products
        if kind != tf.float32 and not self.gpu:
            sides = [(side - 1) * rate + 1 for side in filters.shape[:2]]
            if kind != self.tensors and _work(filters, stride) < LEAST_WORK:
                kind = self.tensors
            elif padding == "SAME" and None in x.shape[1:3]:
                x, padding = (padded(x, sides, stride), "VALID") if max(sides) > 1 else (x, padding)
            elif any(size and side > size for side, size in zip(sides, x.shape[1:3], strict=True)):
                kind = tf.float32
        x, filters = tf.cast(x, kind), tf.cast(filters, kind)
        if rate == 1:
            y = tf.nn.conv2d(x, filters, stride, padding)
        else:
            # conv2d's own dilation has no gradient on a CPU; this function uses space-to-batch instead.
            y = tf.nn.convolution(x, filters, stride, padding, dilations=rate)
        # TensorFlow fuses them with the convolution if they are added before it is converted.
        return tf.cast(biased(y, biases), self.tensors)

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

"""The gradients of a training step: reproducible sums, gradients of convolutions in less time and memory, clipping."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from boxwright.detector.layers import subsampled
from boxwright.detector.precision import padded

_BY_PRODUCT = "BoxwrightConv2DByProduct"
_IN_STRIPS = "BoxwrightDepthwiseConv2DInStrips"
_IN_ONE_SUM = "BoxwrightBiasAddInOneSum"
# The widest kernel for which oneDNN has a routine of its own for the gradient of depthwise filters. For wider ones it
# takes that of other convolutions, as if each channel were 16, and is up to ten times slower.
_STRIP = 3
# Rounded filters of this many channels (both ways) and more get their gradient as matrix products. oneDNN's own routine
# takes 1 to 3 times as long: 116 and 39 ms for 3x3 from 1024 to 512 channels on a map of 38x50, 38 and 41 ms from 256
# to 256 on 80x80. For 128 channels, and in float32, the products are slower.
_DEEP = 256


def pairwise_gradients(goal: tf.Tensor, variables: Mapping[str, tf.Variable]) -> dict[str, tf.Tensor]:
    """The gradient of `goal` for each of the variables that it depends on, summed in a fixed order.

    TensorFlow adds three or more tensors at once (as for a feature map that feeds two heads and the next layer) in the
    order in which they are ready, even with `enable_op_determinism`, so equal steps do not give equal bits. Sums of
    pairs keep the order of the graph.
    """
    pairwise = tf.AggregationMethod.EXPERIMENTAL_TREE
    gradients = tf.gradients(goal, list(variables.values()), aggregation_method=pairwise)
    named = zip(variables, gradients, strict=True)
    # TensorFlow colocates the sum with the variable's handle and names no device, but workers only exchange tensors
    # with a device.
    return {name: tf.identity(tf.convert_to_tensor(gradient)) for name, gradient in named if gradient is not None}


def multiply_bias_gradients(gradients: Mapping[str, tf.Tensor], factor: float) -> dict[str, tf.Tensor]:
    """The gradients by name, with those of biases (names that end in /biases) times `factor`; 0 means no change."""
    if factor == 0:
        return dict(gradients)
    return {name: gradient * factor if name.endswith("/biases") else gradient for name, gradient in gradients.items()}


def clip_by_global_norm(gradients: Mapping[str, tf.Tensor], limit: float) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """(gradients, norm): all scaled by one factor so that their global L2 norm is at most `limit`; 0 means no limit.

    `norm` is the norm before clipping, a float32 scalar.
    """
    norm = tf.linalg.global_norm(list(gradients.values()))
    if limit == 0:
        return dict(gradients), norm
    clipped, _ = tf.clip_by_global_norm(list(gradients.values()), limit, use_norm=norm)
    return dict(zip(gradients, clipped, strict=True)), norm


@contextmanager
def fast_convolutions() -> Iterator[None]:
    """A context in which new convolutions of the current graph get their gradients in less time on a CPU.

    Those of 1x1 convolutions are matrix products, which saves oneDNN the conversion of kernels and their gradients
    between its own order of channels and TensorFlow's. So are those of rounded filters of many channels, one product
    for each place in the filter, and those of rounded biases. Those of wide depthwise filters are computed in strips,
    those of the input of rounded depthwise convolutions with a stride in float32. And no convolution keeps a rounded
    copy of its input for them.

    On a GPU nothing changes: there a convolution may run in another layout than a product.
    """
    if tf.config.list_logical_devices("GPU"):
        yield
        return
    with tf.compat.v1.get_default_graph().gradient_override_map(
        {"Conv2D": _BY_PRODUCT, "DepthwiseConv2dNative": _IN_STRIPS, "BiasAdd": _IN_ONE_SUM}
    ):
        yield


@tf.RegisterGradient(_BY_PRODUCT)
def _conv2d_gradients(op: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of input [B, H, W, C] and filters [h, w, C, D] from the gradient of the output [B, H', W', D]."""
    x, filters = op.inputs
    height, width, channels, depth = filters.shape
    settings = _settings(op)
    if height == width == 1 and settings["strides"] == [1, 1, 1, 1]:
        gradient = tf.reshape(gradient, [-1, depth])
        # Transposed first: `transpose_b=True` is slower for wide layers.
        of_x = tf.matmul(gradient, tf.transpose(tf.reshape(filters, [channels, depth])))
        of_filters = tf.matmul(tf.reshape(_rounded_again(x), [-1, channels]), gradient, transpose_a=True)
        return tf.reshape(of_x, tf.shape(x)), tf.reshape(of_filters, filters.shape)
    of_x = tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(x), filter=filters, out_backprop=gradient, **settings)
    x = _rounded_again(x)
    undilated = settings["dilations"] == [1, 1, 1, 1] and settings["padding"] != "EXPLICIT"
    if filters.dtype == tf.bfloat16 and min(channels, depth) >= _DEEP and undilated:
        return of_x, _by_place(x, filters.shape, gradient, settings["strides"][1], settings["padding"])
    return of_x, tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=filters.shape, out_backprop=gradient, **settings)


def _by_place(x: tf.Tensor, shape: tf.TensorShape, gradient: tf.Tensor, stride: int, padding: str) -> tf.Tensor:
    """The gradient of filters of this shape [h, w, C, D]: for each place in the filter, the product of the inputs that
    it was multiplied with and the gradients of their outputs.
    """
    height, width, channels, depth = shape
    if padding == "SAME":
        x = padded(x, [height, width], stride)
    reach = (tf.shape(gradient)[1:3] - 1) * stride + 1
    gradient = tf.reshape(gradient, [-1, depth])
    products = []
    for row, column in itertools.product(range(height), range(width)):
        met = subsampled(x[:, row : row + reach[0], column : column + reach[1]], stride)
        products.append(tf.matmul(tf.reshape(met, [-1, channels]), gradient, transpose_a=True))
    return tf.reshape(tf.stack(products), shape)


@tf.RegisterGradient(_IN_STRIPS)
def _depthwise_gradients(op: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `_conv2d_gradients` for a depthwise convolution with filters [h, w, C, n]; D is C * n."""
    x, filters = op.inputs
    settings = _settings(op)
    # oneDNN has no routine of its own for rounded tensors with a stride, and takes 15 times as long as in float32.
    kind = tf.float32 if settings["strides"] != [1, 1, 1, 1] else x.dtype
    of_x = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=tf.shape(x), filter=tf.cast(filters, kind), out_backprop=tf.cast(gradient, kind), **settings
    )
    of_x = tf.cast(of_x, x.dtype)
    if filters.shape[1] > _STRIP and settings["padding"] != "EXPLICIT":
        return of_x, _in_strips(x, filters.shape, gradient, settings["strides"], settings["padding"])
    of_filters = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
        input=x, filter_sizes=filters.shape, out_backprop=gradient, **settings
    )
    return of_x, of_filters


@tf.RegisterGradient(_IN_ONE_SUM)
def _bias_gradients(_: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `_conv2d_gradients` for biases [C] that are added to [..., C].

    TensorFlow's own sum of rounded numbers is rounded after each of them: of 45,000, it is off by more than half. A
    product adds them in float32.
    """
    if gradient.dtype == tf.float32:
        return gradient, tf.raw_ops.BiasAddGrad(out_backprop=gradient)
    flat = tf.reshape(gradient, [-1, gradient.shape[-1]])
    return gradient, tf.matmul(tf.ones([1, tf.shape(flat)[0]], flat.dtype), flat)[0]


def _in_strips(x: tf.Tensor, shape: tf.TensorShape, gradient: tf.Tensor, strides: list[int], padding: str) -> tf.Tensor:
    """The gradient of depthwise filters of this shape [h, w, C, n], from some of their columns at a time.

    A strip of columns is a narrower kernel, which sees that part of the padded image that lies under these columns.
    """
    height, width, *channels = shape
    if padding == "SAME":
        x = padded(x, [height, width], strides[1])
    reach = (tf.shape(gradient)[2] - 1) * strides[2]
    strips = []
    for first in range(0, width, _STRIP):
        columns = min(_STRIP, width - first)
        strips.append(
            tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=x[:, :, first : first + reach + columns],
                filter_sizes=[height, columns, *channels],
                out_backprop=gradient,
                strides=strides,
                padding="VALID",
            )
        )
    return tf.concat(strips, axis=1)


def _settings(op: tf.Operation) -> dict[str, Any]:
    """The settings of a convolution that its gradients take too."""
    found = {key: op.get_attr(key) for key in ("strides", "explicit_paddings", "dilations")}
    return {**found, "padding": op.get_attr("padding").decode()}


def _rounded_again(x: tf.Tensor) -> tf.Tensor:
    """`x`, rounded again if it is a rounded tensor: so the copy of the forward pass need not be kept until here."""
    return tf.cast(x.op.inputs[0], x.dtype) if x.op.type == "Cast" else x

"""An image resized from the pixels that count, for OpenVINO on a CPU.

Its own bilinear `Interpolate` makes floats of all pixels, lays them in memory in three orders, and then computes pixel
by pixel: with one thread 4 ms for an image of 640 x 480 and a network of 300 x 300, and more for a larger image.
"""

from typing import Any

import numpy as np

from boxwright.core.openvino import openvino


def resized(resizing: Any) -> list[Any]:
    """The output of an Interpolate of the pixels of images, float32 [B, C, height, width], from uint8 [B, H, W, C].

    Rows, then columns are chosen while they are bytes. Places and weights are those of TensorFlow's ResizeBilinear. The
    output of the operation itself if it resizes anything else, or in another way.
    """
    from openvino import opset13 as op

    pixels = _pixels(resizing)
    if pixels is None:
        return resizing.outputs()
    channels = pixels.get_partial_shape()[3].get_length()
    height, width = _side(resizing, 2), _side(resizing, 3)
    top, bottom, down = _neighbours(_length(op.shape_of(pixels), 1), height)
    left, right, across = _neighbours(_length(op.shape_of(pixels), 2), width)

    # A row is one axis of all its numbers: three channels alone are too few for vector instructions.
    left, right = (_spread(place, channels, np.arange(channels, dtype=np.int32)) for place in (left, right))
    across = _spread(across, 1, np.zeros(channels, np.float32))
    flat = op.reshape(pixels, _whole([0, 0, -1]), special_zero=True)
    upper, lower = (
        _between(*(op.convert(op.gather(rows, columns, _whole(2)), "f32") for columns in (left, right)), across)
        for rows in (op.gather(flat, place, _whole(1)) for place in (top, bottom))
    )
    images = _between(upper, lower, op.unsqueeze(down, _whole(1)))
    sides = [op.unsqueeze(side, _whole(0)) for side in (height, width)]
    images = op.reshape(images, op.concat([_whole([0]), *sides, _whole([channels])], 0), special_zero=True)
    return op.transpose(images, _whole([0, 3, 1, 2])).outputs()


def _pixels(resizing: Any) -> Any | None:
    """The images, uint8 [B, H, W, C], that an operation resizes as floats [B, C, H, W]; None if it does otherwise."""
    settings = resizing.get_attributes()
    way = [settings[name] for name in ("mode", "coordinate_transformation_mode", "shape_calculation_mode")]
    transposed = resizing.input_value(0).get_node()
    if way != ["linear_onnx", "asymmetric", "sizes"] or transposed.get_type_name() != "Transpose":
        return None
    order, floats = transposed.input_value(1).get_node(), transposed.input_value(0).get_node()
    if floats.get_type_name() != "Convert" or list(getattr(order, "data", ())) != [0, 3, 1, 2]:
        return None
    pixels = floats.input_value(0)
    fits = pixels.get_element_type() == openvino.Type.u8 and pixels.get_partial_shape()[3].is_static
    return pixels if fits else None


def _whole(numbers: int | list[int]) -> Any:
    from openvino import opset13 as op

    return op.constant(np.array(numbers, np.int64))


def _length(shape: Any, axis: int) -> Any:
    from openvino import opset13 as op

    return op.gather(shape, _whole(axis), _whole(0))


def _side(resizing: Any, axis: int) -> Any:
    """The length of an axis after the resizing, int64 []; a constant if it is known, so that it is not computed."""
    known = resizing.get_output_partial_shape(0)[axis]
    if known.is_static:
        return _whole(known.get_length())
    axes = list(resizing.input_value(2).get_node().data) if resizing.get_input_size() > 2 else range(4)
    return _length(resizing.input_value(1), list(axes).index(axis))


def _neighbours(before: Any, after: Any) -> tuple[Any, Any, Any]:
    """For each place on an axis of length `after`: the two places in `before` next to it, and the second one's weight.

    int32 [after], int32 [after] and float32 [after].
    """
    from openvino import opset13 as op

    before, after = op.convert(before, "f32"), op.convert(after, "f32")
    one = op.constant(np.float32(1))
    # Divided by a constant, OpenVINO would multiply by its inverse, which is rounded.
    step = op.divide(before, op.add(op.subtract(before, before), after))
    place = op.multiply(op.range(op.constant(np.float32(0)), after, one, "f32"), step)
    low = op.floor(place)
    high = op.minimum(op.add(low, one), op.subtract(before, one))
    return op.convert(low, "i32"), op.convert(high, "i32"), op.subtract(place, low)


def _spread(values: Any, step: int, offsets: np.ndarray) -> Any:
    """For each of the values [N], the value times `step` plus each of the offsets [C]: [N * C]."""
    from openvino import opset13 as op

    column = op.multiply(op.unsqueeze(values, _whole(1)), op.constant(offsets.dtype.type(step)))
    return op.reshape(op.add(column, op.constant(offsets[np.newaxis])), _whole([-1]), special_zero=False)


def _between(low: Any, high: Any, weight: Any) -> Any:
    from openvino import opset13 as op

    return op.add(low, op.multiply(op.subtract(high, low), weight))

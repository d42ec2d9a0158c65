"""Image resizers of pipeline.config: one image in, a resized and perhaps padded one out.

All interpolation is that of TF1: without half-pixel centers, so sample y of the result lies at y * (old / new).
Padding goes to the bottom and the right.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from boxwright.catalog import check

# float32 or uint8 [H, W, C], values 0..255 -> (float32 [h, w, c], int32 [3]: height, width, channels without padding)
Resize = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

METHODS = {
    "BILINEAR": tf.compat.v1.image.ResizeMethod.BILINEAR,
    "NEAREST_NEIGHBOR": tf.compat.v1.image.ResizeMethod.NEAREST_NEIGHBOR,
    "BICUBIC": tf.compat.v1.image.ResizeMethod.BICUBIC,
    "AREA": tf.compat.v1.image.ResizeMethod.AREA,
}


@dataclass(frozen=True)
class Resizer:
    """A resizer and what a model must know about it before it sees an image.

    resize: the function.
    channels: channels of the result, 1 after `convert_to_grayscale`, else 3.
    affine: resizing commutes with a * x + b on all pixels, because nothing is padded and no channels are mixed.
    """

    resize: Resize
    channels: int
    affine: bool


def from_message(message, field: str = "image_resizer") -> Resizer:
    """The resizer of an `ImageResizer` message; `field` is its dotted path, for errors.

    Raises UserError for a missing choice, and for sizes that cannot be.
    """
    check.require(message, field, needed=True)
    kinds = {
        "fixed_shape_resizer": _fixed_shape,
        "keep_aspect_ratio_resizer": _keep_aspect_ratio,
        "identity_resizer": _identity,
        "conditional_shape_resizer": _conditional_shape,
        "pad_to_multiple_resizer": _pad_to_multiple,
    }
    kind = message.WhichOneof("image_resizer_oneof")
    settings = getattr(message, kind)
    resize, pads = kinds[kind](settings, f"{field}.{kind}")
    if getattr(settings, "convert_to_grayscale", False):
        return Resizer(_then_gray(resize), channels=1, affine=False)
    return Resizer(resize, channels=3, affine=not pads)


def _fixed_shape(settings, field: str) -> tuple[Resize, bool]:
    method = _method(settings, field)

    def resize(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        resized = _interpolate(image, [settings.height, settings.width], method)
        return resized, tf.shape(resized)

    return resize, False


def _keep_aspect_ratio(settings, field: str) -> tuple[Resize, bool]:
    least, most = settings.min_dimension, settings.max_dimension
    fill = list(settings.per_channel_pad_value) or [0.0, 0.0, 0.0]
    method = _method(settings, field)

    def resize(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sides = tf.cast(tf.shape(image)[:2], tf.float32)
        # The shorter side to `least`, unless that makes the longer one more than `most`: then the longer one to `most`.
        large = tf.cast(tf.round(sides * (least / tf.reduce_min(sides))), tf.int32)
        small = tf.cast(tf.round(sides * (most / tf.reduce_max(sides))), tf.int32)
        size = tf.where(tf.reduce_max(large) > most, small, large)
        resized = _interpolate(image, size, method)
        shape = tf.shape(resized)
        if not settings.pad_to_max_dimension:
            return resized, shape
        value = tf.constant(fill)
        padded = tf.pad(resized - value, [[0, most - size[0]], [0, most - size[1]], [0, 0]]) + value
        return tf.ensure_shape(padded, [most, most, 3]), shape

    return resize, settings.pad_to_max_dimension


def _identity(settings, field: str) -> tuple[Resize, bool]:
    return lambda image: (tf.cast(image, tf.float32), tf.shape(image)), False


def _conditional_shape(settings, field: str) -> tuple[Resize, bool]:
    """The longer side down to the threshold (GREATER), or the shorter side up to it (SMALLER)."""
    threshold, method = settings.size_threshold, _method(settings, field)
    condition = settings.DESCRIPTOR.fields_by_name["condition"].enum_type.values_by_number[settings.condition].name

    def resize(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sides = tf.shape(image)[:2]
        if condition == "GREATER":
            side = tf.reduce_max(sides)
            target = tf.minimum(side, threshold)
        else:
            side = tf.reduce_min(sides)
            target = tf.maximum(side, threshold)
        ratio = tf.cast(target, tf.float32) / tf.cast(side, tf.float32)
        size = tf.cast(tf.cast(sides, tf.float32) * ratio, tf.int32)
        # This resizer alone has the corners of both images at the same place.
        resized = _interpolate(image, size, method, align_corners=True)
        return resized, tf.shape(resized)

    return resize, False


def _pad_to_multiple(settings, field: str) -> tuple[Resize, bool]:
    def resize(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.cast(image, tf.float32)
        shape = tf.shape(image)
        missing = -shape[:2] % settings.multiple
        return tf.pad(image, [[0, missing[0]], [0, missing[1]], [0, 0]]), shape

    return resize, True


def _method(settings, field: str) -> int:
    number = settings.resize_method
    name = settings.DESCRIPTOR.fields_by_name["resize_method"].enum_type.values_by_number[number].name
    return METHODS[name]


def _interpolate(image: tf.Tensor, size, method: int, align_corners: bool = False) -> tf.Tensor:
    """[H, W, C] of any type -> float32 [*size, C]."""
    return tf.cast(tf.compat.v1.image.resize(image, size, method, align_corners=align_corners), tf.float32)


def _then_gray(resize: Resize) -> Resize:
    def gray(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        resized, shape = resize(image)
        return tf.image.rgb_to_grayscale(resized), tf.concat([shape[:2], [1]], 0)

    return gray

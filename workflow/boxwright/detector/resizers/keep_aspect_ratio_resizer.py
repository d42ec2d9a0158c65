"""The shorter side gets a given length, unless the longer side would exceed its limit; the aspect ratio is kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from boxwright.detector.resizers.resizer import Resizer, Size, in_gray, interpolate

if TYPE_CHECKING:
    import tensorflow as tf


def make(
    *,
    min_dimension: int,
    max_dimension: int,
    resize_method: str,
    pad_to_max_dimension: bool,
    convert_to_grayscale: bool,
    per_channel_pad_value: Sequence[float] = (),
) -> Resizer:
    """The resizer of the shorter side to `min_dimension`, or else of the longer side to `max_dimension`, in pixels.

    pad_to_max_dimension: pad results to squares of `max_dimension` with `per_channel_pad_value` (0..255), or with black
    if it is empty.
    """
    fill = list(per_channel_pad_value) or [0.0, 0.0, 0.0]
    square = (max_dimension, max_dimension)

    def resize(image: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        import tensorflow as tf

        sides = tf.cast(tf.shape(image)[:2], tf.float32)
        large = tf.cast(tf.round(sides * (min_dimension / tf.reduce_min(sides))), tf.int32)
        small = tf.cast(tf.round(sides * (max_dimension / tf.reduce_max(sides))), tf.int32)
        size = tf.where(tf.reduce_max(large) > max_dimension, small, large)
        resized = interpolate(image, size, resize_method)
        shape = tf.shape(resized)
        if not pad_to_max_dimension:
            return resized, shape
        value = tf.constant(fill)
        missing = [[0, max_dimension - size[0]], [0, max_dimension - size[1]], [0, 0]]
        return tf.ensure_shape(tf.pad(resized - value, missing) + value, [*square, 3]), shape

    def sizes(height: int, width: int) -> tuple[Size, Size]:
        sides = np.array([height, width], np.float32)  # rounded as `resize` rounds
        large = np.round(sides * np.float32(min_dimension / sides.min())).astype(int)
        small = np.round(sides * np.float32(max_dimension / sides.max())).astype(int)
        size = tuple((small if large.max() > max_dimension else large).tolist())
        return size, square if pad_to_max_dimension else size

    static = square if pad_to_max_dimension else None
    return in_gray(Resizer(resize, sizes, static, pads=pad_to_max_dimension), convert_to_grayscale)

"""Images beyond a size limit are resized to it, others keep their size; the aspect ratio is kept."""

from typing import TYPE_CHECKING

import numpy as np

from boxwright.detector.resizers.resizer import Resizer, Size, in_gray, interpolate

if TYPE_CHECKING:
    import tensorflow as tf


def make(*, condition: str, size_threshold: int, resize_method: str, convert_to_grayscale: bool) -> Resizer:
    """The resizer that shrinks the longer side to `size_threshold` pixels or enlarges the shorter side to it.

    condition: GREATER shrinks images whose longer side is above the threshold, SMALLER enlarges images whose shorter
        side is below it.
    """

    def resize(image: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        import tensorflow as tf

        sides = tf.shape(image)[:2]
        if condition == "GREATER":
            side = tf.reduce_max(sides)
            target = tf.minimum(side, size_threshold)
        else:
            side = tf.reduce_min(sides)
            target = tf.maximum(side, size_threshold)
        ratio = tf.cast(target, tf.float32) / tf.cast(side, tf.float32)
        size = tf.cast(tf.cast(sides, tf.float32) * ratio, tf.int32)
        # Only this resizer aligns the corners of both images.
        resized = interpolate(image, size, resize_method, align_corners=True)
        return resized, tf.shape(resized)

    def sizes(height: int, width: int) -> tuple[Size, Size]:
        if condition == "GREATER":
            side = max(height, width)
            target = min(side, size_threshold)
        else:
            side = min(height, width)
            target = max(side, size_threshold)
        ratio = np.float32(target) / np.float32(side)
        size = tuple((np.array([height, width], np.float32) * ratio).astype(int).tolist())
        return size, size

    return in_gray(Resizer(resize, sizes), convert_to_grayscale)

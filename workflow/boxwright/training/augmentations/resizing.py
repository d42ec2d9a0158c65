"""Resizing an image in one of the ways of the OD API's schema; normalised boxes stay as they are."""

from collections.abc import Mapping

import tensorflow as tf

from boxwright.training.augmentations.example import TrainingExample

METHODS: Mapping[str, int] = {
    "BILINEAR": tf.compat.v1.image.ResizeMethod.BILINEAR,
    "NEAREST_NEIGHBOR": tf.compat.v1.image.ResizeMethod.NEAREST_NEIGHBOR,
    "BICUBIC": tf.compat.v1.image.ResizeMethod.BICUBIC,
    "AREA": tf.compat.v1.image.ResizeMethod.AREA,
}


def resize(example: TrainingExample, height: int, width: int, method: str) -> TrainingExample:
    """The example with its image resized to float32 [height, width, 3] of 0 to 255; `method` is one of `METHODS`."""
    image = tf.compat.v1.image.resize(tf.cast(example.image, tf.float32), [height, width], METHODS[method])
    # Bicubic interpolation overshoots.
    return example._replace(image=tf.clip_by_value(image, 0.0, 255.0))

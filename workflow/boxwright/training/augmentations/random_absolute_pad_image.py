"""Put an image at a random place of a larger one."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations import padding
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, max_height_padding: int = 0, max_width_padding: int = 0, pad_color: Sequence[float] = ()) -> Augmentation:
    """Adds fewer than max_height_padding rows and max_width_padding columns around the image.

    Their colour is `pad_color` (RGB, 0 to 255), or the image's mean if that is empty.
    """
    limits = tf.constant([max_height_padding, max_width_padding])
    color = padding.color_of(pad_color)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        size = tf.shape(example.image)[:2]
        return padding.pad(example, size, size + limits, color, seed)

    return apply

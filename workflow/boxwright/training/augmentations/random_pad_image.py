"""Put an image at a random place of a larger one whose size is given in pixels."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations import padding
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(
    *,
    min_image_height: int = 0,
    min_image_width: int = 0,
    max_image_height: int = 0,
    max_image_width: int = 0,
    pad_color: Sequence[float] = (),
) -> Augmentation:
    """Pads to a random size between these; by default from the image's own size to twice as high and wide.

    The padding is `pad_color` (RGB, 0 to 255), or the image's mean if that is empty.
    """
    least = tf.constant([min_image_height, min_image_width])
    color = padding.color_of(pad_color)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        size = tf.shape(example.image)[:2]
        most = tf.stack([max_image_height or 2 * size[0], max_image_width or 2 * size[1]])
        return padding.pad(example, least, most, color, seed)

    return apply

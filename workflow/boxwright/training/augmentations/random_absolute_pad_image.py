"""Put an image at a random place of a larger one."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample
from boxwright.training.augmentations.window import below, reframe, window_of


def make(*, max_height_padding: int = 0, max_width_padding: int = 0, pad_color: Sequence[float] = ()) -> Augmentation:
    """Adds fewer than max_height_padding rows and max_width_padding columns around the image.

    Their colour is `pad_color` (RGB, 0 to 255), or the image's mean if that is empty.
    """
    limits = tf.constant([max_height_padding, max_width_padding])

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        image = tf.cast(example.image, tf.float32)
        color = tf.constant(list(pad_color), tf.float32) if pad_color else tf.reduce_mean(image, [0, 1])
        padding = below(limits, seeds[0])  # rows and columns in all
        before = below(padding, seeds[1])  # those above and to the left
        paddings = tf.stack([before, padding - before], axis=1)
        # Subtracting the colour, padding with zeros and adding the colour again pads with the colour.
        padded = tf.pad(image - color, tf.concat([paddings, [[0, 0]]], axis=0)) + color
        size = tf.shape(image)[:2]
        return reframe(example, padded, window_of(-before, size + padding, size))

    return apply

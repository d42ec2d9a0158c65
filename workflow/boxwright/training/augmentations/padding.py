"""Putting an image at a random place of a larger one."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations.example import TrainingExample
from boxwright.training.augmentations.window import below, reframe, window_of


def pad(
    example: TrainingExample, least: tf.Tensor, most: tf.Tensor, color: tf.Tensor | None, seed: tf.Tensor
) -> TrainingExample:
    """The image at a random place of one whose size is random from `least` to below `most`.

    least, most: int32 [2], height and width; never below the image's own. color: of the padding, float32 [3] of 0 to
    255; None: the image's mean.
    """
    seeds = tf.random.split(seed, 2)
    size = tf.shape(example.image)[:2]
    least = tf.maximum(least, size)
    padded = least + below(tf.maximum(most, least) - least, seeds[0])
    before = below(padded - size, seeds[1])
    image = tf.cast(example.image, tf.float32)
    color = tf.reduce_mean(image, [0, 1]) if color is None else color
    paddings = tf.stack([before, padded - size - before], axis=1)
    # Subtracting the colour, padding with zeros and adding the colour again pads with the colour.
    image = tf.pad(image - color, tf.concat([paddings, [[0, 0]]], axis=0)) + color
    return reframe(example, image, window_of(-before, padded, size))


def color_of(values: Sequence[float]) -> tf.Tensor | None:
    """A colour of `pad` from a message's list of three numbers, or of none."""
    return tf.constant(list(values), tf.float32) if values else None


def times(size: tf.Tensor, ratios: tf.Tensor) -> tf.Tensor:
    """Height and width, int32 [2], times two numbers, rounded down."""
    return tf.cast(tf.cast(size, tf.float32) * ratios, tf.int32)

"""Bringing an image to one aspect ratio (width over height), by cutting or by padding."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations.example import TrainingExample
from boxwright.training.augmentations.window import below, reframe, window_of


def cut(example: TrainingExample, ratio: float, min_overlap: float, clip: bool, seed: tf.Tensor) -> TrainingExample:
    """The largest part of the image with this ratio, at a random place along the longer side.

    A box is kept if at least the part `min_overlap` of it is inside; `clip` cuts boxes at the edges.
    """
    size = tf.shape(example.image)[:2]
    height, width = tf.unstack(tf.cast(size, tf.float32))
    wanted = tf.stack([tf.minimum(height, tf.round(width / ratio)), tf.minimum(width, tf.round(height * ratio))])
    wanted = tf.maximum(tf.cast(wanted, tf.int32), 1)
    begin = below(size - wanted + 1, seed)
    image = example.image[begin[0] : begin[0] + wanted[0], begin[1] : begin[1] + wanted[1]]
    return reframe(example, image, window_of(begin, wanted, size), min_overlap, clip)


def pad(
    example: TrainingExample, ratio: float, least: Sequence[float], most: Sequence[float], seed: tf.Tensor
) -> TrainingExample:
    """The image at the top left of a black one with this ratio, which is `least` to `most` times as large.

    least, most: two numbers each, for height and width. Where they contradict each other or the ratio, the ratio counts
    before `most`, and `most` before `least`.
    """
    size = tf.cast(tf.shape(example.image)[:2], tf.float32)
    around = tf.stack([tf.maximum(size[0], size[1] / ratio), tf.maximum(size[1], size[0] * ratio)])
    high = tf.reduce_min(tf.maximum(size * tf.constant(list(most)), around) / around)
    low = tf.reduce_max(tf.maximum(size * tf.constant(list(least)), around) / around)
    drawn = high + tf.random.stateless_uniform([], seed) * tf.minimum(low - high, 0)
    padded = tf.maximum(tf.cast(tf.round(around * drawn), tf.int32), tf.shape(example.image)[:2])
    image = tf.image.pad_to_bounding_box(example.image, 0, 0, padded[0], padded[1])
    return reframe(example, image, window_of(tf.zeros([2], tf.int32), padded, tf.shape(example.image)[:2]))

"""Scale an image at random and take a square of it ("scale jittering"; Tan, Pang and Le, arXiv 1911.09070)."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample
from boxwright.training.augmentations.window import reframe, window_of


def make(*, output_size: int, scale_min: float, scale_max: float) -> Augmentation:
    """Scales the image at random and crops a square of output_size pixels, padded with black below and to the right.

    At scale 1 the longer side is output_size.
    """
    square = tf.constant([output_size, output_size])

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        size = tf.cast(tf.shape(example.image)[:2], tf.float32)
        scale = tf.random.stateless_uniform([], seeds[0], scale_min, scale_max)
        scaled = tf.cast(scale * output_size * size / tf.reduce_max(size), tf.int32)
        scaled = tf.maximum(scaled, 1)
        room = tf.cast(tf.maximum(scaled - square, 0), tf.float32)
        begin = tf.cast(tf.random.stateless_uniform([2], seeds[1]) * room, tf.int32)
        # Without half-pixel centers, as in the image resizers.
        image = tf.compat.v1.image.resize(example.image, scaled)
        image = image[begin[0] : begin[0] + output_size, begin[1] : begin[1] + output_size]
        image = tf.image.pad_to_bounding_box(image, 0, 0, output_size, output_size)
        return reframe(example, image, window_of(begin, square, scaled))

    return apply

"""Compress an image as JPEG and read it again."""

import tensorflow as tf

from boxwright.training.augmentations.chance import with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, random_coef: float, min_jpeg_quality: int, max_jpeg_quality: int) -> Augmentation:
    """Compresses with a random quality from `min_jpeg_quality` to below `max_jpeg_quality` (0 to 100).

    random_coef is the probability of no change.
    """

    def compress(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        quality = tf.random.stateless_uniform([], seed, min_jpeg_quality, max_jpeg_quality, tf.int32)
        image = tf.cast(tf.round(tf.cast(example.image, tf.float32)), tf.uint8)
        compressed = tf.image.adjust_jpeg_quality(image, quality)
        return example._replace(image=tf.cast(compressed, example.image.dtype))

    return with_probability(1 - random_coef, compress)

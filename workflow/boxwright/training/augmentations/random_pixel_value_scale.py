"""Multiply every value of an image by a random number of its own."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, minval: float, maxval: float) -> Augmentation:
    """Multiplies each channel of each pixel by a number uniform in [minval, maxval)."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        factors = tf.random.stateless_uniform(tf.shape(example.image), seed, minval, maxval)
        return example._replace(image=tf.clip_by_value(tf.cast(example.image, tf.float32) * factors, 0.0, 255.0))

    return apply

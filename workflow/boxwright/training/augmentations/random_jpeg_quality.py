"""Compress an image as JPEG and read it again."""

import tensorflow as tf

from boxwright.training.augmentations.chance import in_float32, with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, random_coef: float, min_jpeg_quality: int, max_jpeg_quality: int) -> Augmentation:
    """Compresses with a random quality from `min_jpeg_quality` to below `max_jpeg_quality` (0 to 100).

    random_coef is the probability of no change. JPEG has whole numbers, so fractions are cut off before, as in the OD
    API. The example's image becomes float32.
    """

    def compress(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        quality = tf.random.stateless_uniform([], seed, min_jpeg_quality, max_jpeg_quality, tf.int32)
        compressed = tf.image.adjust_jpeg_quality(tf.cast(example.image, tf.uint8), quality)
        return example._replace(image=tf.cast(compressed, tf.float32))

    return in_float32(with_probability(1 - random_coef, compress))

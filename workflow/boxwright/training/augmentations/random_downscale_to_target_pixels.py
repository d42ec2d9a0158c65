"""Make a large image smaller, to about a number of pixels."""

import tensorflow as tf

from boxwright.training.augmentations.chance import with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, random_coef: float, min_target_pixels: int, max_target_pixels: int) -> Augmentation:
    """Brings images of more pixels to a random number from `min_target_pixels` to below `max_target_pixels`.

    random_coef is the probability of no change.
    """

    def downscale(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        target = tf.random.stateless_uniform([], seed, min_target_pixels, max_target_pixels, tf.int32)
        size = tf.cast(tf.shape(example.image)[:2], tf.float32)
        scale = tf.sqrt(tf.cast(target, tf.float32) / tf.reduce_prod(size))
        image = tf.cast(example.image, tf.float32)

        def smaller() -> tf.Tensor:
            return tf.compat.v1.image.resize(image, tf.maximum(tf.cast(size * scale, tf.int32), 1))

        image = tf.cond(scale < 1.0, smaller, lambda: image)
        return example._replace(image=tf.cast(image, example.image.dtype))

    return with_probability(1 - random_coef, downscale)

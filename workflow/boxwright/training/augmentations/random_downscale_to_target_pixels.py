"""Make a large image smaller, to about a number of pixels."""

import tensorflow as tf

from boxwright.training.augmentations.chance import in_float32, with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, random_coef: float, min_target_pixels: int, max_target_pixels: int) -> Augmentation:
    """Brings images of more pixels to a random number from `min_target_pixels` to below `max_target_pixels`.

    random_coef is the probability of no change. The example's image becomes float32.
    """

    def downscale(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        target = tf.random.stateless_uniform([], seed, min_target_pixels, max_target_pixels, tf.int32)
        size = tf.cast(tf.shape(example.image)[:2], tf.float32)
        scale = tf.sqrt(tf.cast(target, tf.float32) / tf.reduce_prod(size))

        def smaller() -> tf.Tensor:
            return tf.compat.v1.image.resize(example.image, tf.maximum(tf.cast(size * scale, tf.int32), 1))

        return example._replace(image=tf.cond(scale < 1.0, smaller, lambda: example.image))

    return in_float32(with_probability(1 - random_coef, downscale))

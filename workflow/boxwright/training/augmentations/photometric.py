"""Random changes of an image's pixels; its boxes stay where they are."""

from collections.abc import Callable

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def photometric(low: float, high: float, adjust: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Augmentation:
    """`adjust(image, amount)` with an amount uniform in [low, high).

    `adjust` takes a float32 image [H, W, 3] with values 0 to 1 and a scalar; its result is clipped to 0..1. The
    example's image becomes float32, 0 to 255.
    """

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        amount = tf.random.stateless_uniform([], seed, low, high)
        image = adjust(tf.cast(example.image, tf.float32) / 255.0, amount)
        return example._replace(image=tf.clip_by_value(image, 0.0, 1.0) * 255.0)

    return apply

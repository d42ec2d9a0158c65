"""Applying a change to a share of the images."""

from collections.abc import Callable

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def with_probability(
    probability: float, change: Callable[[TrainingExample, tf.Tensor], TrainingExample]
) -> Augmentation:
    """`change(example, seed)` with this probability, otherwise the example as it is."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        drawn = tf.random.stateless_uniform([], seeds[0])
        return tf.cond(drawn < probability, lambda: change(example, seeds[1]), lambda: example)

    return apply


def in_float32(augmentation: Augmentation) -> Augmentation:
    """The augmentation of an example whose image is float32 before it, and so after it, whatever it draws."""
    return lambda example, seed: augmentation(example._replace(image=tf.cast(example.image, tf.float32)), seed)

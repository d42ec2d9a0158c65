"""Add noise to a square of an image (Lopes et al. 2019, https://arxiv.org/abs/1906.02611)."""

import tensorflow as tf

from boxwright.training.augmentations.chance import in_float32, with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample
from boxwright.training.augmentations.window import below


def make(
    *,
    random_coef: float,
    min_patch_size: int,
    max_patch_size: int,
    min_gaussian_stddev: float,
    max_gaussian_stddev: float,
) -> Augmentation:
    """Adds Gaussian noise of a random strength to a square of a random size around a random pixel.

    The side is `min_patch_size` or more and less than `max_patch_size`. The deviation is a share of 255. random_coef is
    the probability of no change. The example's image becomes float32.
    """

    def add(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 4)
        side = tf.random.stateless_uniform([], seeds[0], min_patch_size, max_patch_size, tf.int32)
        deviation = tf.random.stateless_uniform([], seeds[1], min_gaussian_stddev, max_gaussian_stddev)
        size = tf.shape(example.image)[:2]
        begin = below(size, seeds[2]) - side // 2
        rows, columns = (
            (tf.range(size[axis]) >= begin[axis]) & (tf.range(size[axis]) < begin[axis] + side) for axis in (0, 1)
        )
        inside = tf.cast(rows[:, tf.newaxis] & columns, tf.float32)[..., tf.newaxis]
        noise = tf.random.stateless_normal(tf.shape(example.image), seeds[3]) * (255.0 * deviation)
        return example._replace(image=tf.clip_by_value(example.image + noise * inside, 0.0, 255.0))

    return in_float32(with_probability(1 - random_coef, add))

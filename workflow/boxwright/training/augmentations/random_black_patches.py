"""Hide small squares of an image."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, max_black_patches: int, probability: float, size_to_image_ratio: float) -> Augmentation:
    """Draws up to max_black_patches black squares, each with this probability; boxes stay as they are.

    A square's side is the share size_to_image_ratio of the image's shorter side.
    """

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        size = tf.cast(tf.shape(example.image)[:2], tf.float32)
        side = tf.floor(tf.reduce_min(size) * size_to_image_ratio)
        drawn = tf.random.stateless_uniform([max_black_patches, 1], seeds[0]) < probability
        places = tf.random.stateless_uniform([max_black_patches, 2], seeds[1]) * (size - side)
        rows, columns = (
            tf.cast(drawn & _within(places[:, axis, tf.newaxis], side, size[axis]), tf.float32) for axis in (0, 1)
        )
        hidden = tf.matmul(rows, columns, transpose_a=True) > 0
        black = tf.zeros([], example.image.dtype)
        return example._replace(image=tf.where(hidden[..., tf.newaxis], black, example.image))

    return apply


def _within(begins: tf.Tensor, side: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """bool [N, size]: which pixels of a row or column lie in each of the squares that begin at `begins` [N, 1]."""
    pixels = tf.range(size)[tf.newaxis]
    begins = tf.floor(begins)
    return (pixels >= begins) & (pixels < begins + side)

"""Make an image larger or smaller."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, min_scale_ratio: float, max_scale_ratio: float) -> Augmentation:
    """Multiplies both sides by a number uniform in [min_scale_ratio, max_scale_ratio); bilinear, corners aligned."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        ratio = tf.random.stateless_uniform([], seed, min_scale_ratio, max_scale_ratio)
        size = tf.cast(tf.cast(tf.shape(example.image)[:2], tf.float32) * ratio, tf.int32)
        return example._replace(image=tf.compat.v1.image.resize(example.image, tf.maximum(size, 1), align_corners=True))

    return apply

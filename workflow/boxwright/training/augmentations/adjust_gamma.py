"""Change the gamma of an image."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, gamma: float, gain: float) -> Augmentation:
    """Every value v of 0 to 1 becomes gain * v ** gamma, at most 1; the same for all images."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        values = gain * (tf.cast(example.image, tf.float32) / 255.0) ** gamma
        return example._replace(image=tf.minimum(values, 1.0) * 255.0)

    return apply

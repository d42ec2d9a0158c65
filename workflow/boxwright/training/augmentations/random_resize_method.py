"""Resize an image to a fixed size in a random way."""

import tensorflow as tf

from boxwright.training.augmentations import resizing
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, target_height: int, target_width: int) -> Augmentation:
    """Resizes every image to this size by one of `resizing.METHODS`, each equally likely."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        choice = tf.random.stateless_uniform([], seed, 0, len(resizing.METHODS), tf.int32)
        resized = [
            lambda method=method: resizing.resize(example, target_height, target_width, method)
            for method in resizing.METHODS
        ]
        return tf.switch_case(choice, resized)

    return apply

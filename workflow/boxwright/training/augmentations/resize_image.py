"""Resize an image to a fixed size."""

import tensorflow as tf

from boxwright.training.augmentations import resizing
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, new_height: int, new_width: int, method: str) -> Augmentation:
    """Resizes every image to this size, whatever its aspect ratio."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        return resizing.resize(example, new_height, new_width, method)

    return apply

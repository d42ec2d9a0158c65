"""Give an image more or less contrast."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation
from boxwright.training.augmentations.photometric import photometric


def make(*, min_delta: float, max_delta: float) -> Augmentation:
    """Multiplies the distance of pixels from their channel's mean by a factor, uniform in min_delta to max_delta."""
    return photometric(min_delta, max_delta, tf.image.adjust_contrast)

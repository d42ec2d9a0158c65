"""Shift the hue of an image."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation
from boxwright.training.augmentations.photometric import photometric


def make(*, max_delta: float) -> Augmentation:
    """Shifts the hue of all pixels (0 to 1 around the circle) by up to max_delta in either direction."""
    return photometric(-max_delta, max_delta, tf.image.adjust_hue)

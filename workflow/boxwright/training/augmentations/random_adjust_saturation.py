"""Make the colours of an image stronger or paler."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation
from boxwright.training.augmentations.photometric import photometric


def make(*, min_delta: float, max_delta: float) -> Augmentation:
    """Multiplies the saturation of all pixels by a factor, uniform between min_delta and max_delta."""
    return photometric(min_delta, max_delta, tf.image.adjust_saturation)

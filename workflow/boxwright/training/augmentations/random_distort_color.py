"""Change brightness, contrast, hue and saturation of an image in one of two orders."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, in_order
from boxwright.training.augmentations.photometric import photometric

BRIGHTNESS = photometric(-32 / 255, 32 / 255, tf.image.adjust_brightness)
SATURATION = photometric(0.5, 1.5, tf.image.adjust_saturation)
HUE = photometric(-0.2, 0.2, tf.image.adjust_hue)
CONTRAST = photometric(0.5, 1.5, tf.image.adjust_contrast)
ORDERS = (
    (BRIGHTNESS, SATURATION, HUE, CONTRAST),
    (BRIGHTNESS, CONTRAST, SATURATION, HUE),
)


def make(*, color_ordering: int = 0) -> Augmentation:
    """All four changes in the order of this number, 0 or 1."""
    return in_order(ORDERS[color_ordering])

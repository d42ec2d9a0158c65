"""Pixels from -1 to 1, for the MobileNets."""

import tensorflow as tf


def normalize(image: tf.Tensor) -> tf.Tensor:
    """Pixels 0..255 to -1..1."""
    return image * (2.0 / 255.0) - 1.0

"""Pixels minus the means of ImageNet's channels, for the ResNets."""

import tensorflow as tf

# The pixel means that the original Caffe models subtract, RGB, on a scale of 255.
MEANS = (123.68, 116.779, 103.939)


def normalize(image: tf.Tensor) -> tf.Tensor:
    """RGB minus the channel means; an image without three channels is returned unchanged."""
    return image - tf.constant(MEANS) if image.shape[-1] == 3 else image

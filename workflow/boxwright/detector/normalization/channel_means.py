"""Pixels less the means of ImageNet's channels, as the ResNets have them."""

import tensorflow as tf

# The pixel means that the original Caffe models subtract, RGB, on a scale of 255.
MEANS = (123.68, 116.779, 103.939)


def normalize(image: tf.Tensor) -> tf.Tensor:
    """RGB less the channel means; an image of another depth stays as it is."""
    return image - tf.constant(MEANS) if image.shape[-1] == 3 else image

"""Pixels in the order blue, green, red, minus the means of ImageNet's channels, for Keras' ResNets v1."""

import tensorflow as tf

# The pixel means that the original Caffe models subtract, BGR, on a scale of 255.
MEANS = (103.939, 116.779, 123.68)


def normalize(image: tf.Tensor) -> tf.Tensor:
    """RGB in reverse order minus the channel means; an image without three channels is returned unchanged."""
    return image[..., ::-1] - tf.constant(MEANS) if image.shape[-1] == 3 else image

"""Pixels with the mean and the deviation of ImageNet's channels taken out, for the EfficientNets."""

import tensorflow as tf

# Of the pixels of ImageNet, RGB, on a scale of 1.
MEANS = (0.485, 0.456, 0.406)
DEVIATIONS = (0.229, 0.224, 0.225)


def normalize(image: tf.Tensor) -> tf.Tensor:
    """RGB 0..255 to about -2..2; an image without three channels is only brought to 0..1."""
    image = image / 255.0
    return (image - tf.constant(MEANS)) / tf.constant(DEVIATIONS) if image.shape[-1] == 3 else image

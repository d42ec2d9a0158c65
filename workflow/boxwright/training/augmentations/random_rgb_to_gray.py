"""Take the colour out of an image, or leave it unchanged."""

import tensorflow as tf

from boxwright.training.augmentations.chance import in_float32, with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, probability: float) -> Augmentation:
    """Makes the image gray, still with three channels, with this probability. It becomes float32."""

    def gray(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        return example._replace(image=tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(example.image)))

    return in_float32(with_probability(probability, gray))

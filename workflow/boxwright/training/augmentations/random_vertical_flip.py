"""Mirror an image top to bottom, or leave it unchanged."""

import tensorflow as tf

from boxwright.training.augmentations.chance import with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, probability: float) -> Augmentation:
    """Mirrors the image and its boxes top to bottom with this probability."""

    def flip(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        boxes, regions = map(_flipped, (example.boxes, example.regions))
        return example._replace(image=tf.reverse(example.image, axis=[0]), boxes=boxes, regions=regions)

    return with_probability(probability, flip)


def _flipped(boxes: tf.Tensor) -> tf.Tensor:
    """Normalised boxes [N, 4] mirrored top to bottom."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([1 - ymax, xmin, 1 - ymin, xmax], axis=-1)

"""Turn an image by 90 degrees, or leave it unchanged."""

import tensorflow as tf

from boxwright.training.augmentations.chance import with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, probability: float) -> Augmentation:
    """Turns the image and its boxes by 90 degrees counterclockwise with this probability."""

    def turn(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        boxes, regions = map(_turned, (example.boxes, example.regions))
        return example._replace(image=tf.image.rot90(example.image), boxes=boxes, regions=regions)

    return with_probability(probability, turn)


def _turned(boxes: tf.Tensor) -> tf.Tensor:
    """Normalised boxes [N, 4] turned with their image by 90 degrees counterclockwise."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([1 - xmax, ymin, 1 - xmin, ymax], axis=-1)

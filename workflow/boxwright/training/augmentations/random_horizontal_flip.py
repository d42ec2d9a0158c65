"""Mirror an image left to right, or leave it unchanged."""

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, probability: float) -> Augmentation:
    """Mirrors the image and its boxes left to right with this probability."""

    def flip(example: TrainingExample) -> TrainingExample:
        image = tf.reverse(example.image, axis=[1])
        boxes, regions = map(geometry.flip_horizontally, (example.boxes, example.regions))
        return example._replace(image=image, boxes=boxes, regions=regions)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        drawn = tf.random.stateless_uniform([], seed)
        return tf.cond(drawn < probability, lambda: flip(example), lambda: example)

    return apply

"""Leave out boxes of one class at random."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, label: int = 0, drop_probability: float) -> Augmentation:
    """Each box of the class with this id in the label map is left out with this probability."""

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        drawn = tf.random.stateless_uniform(tf.shape(example.classes), seed)
        # Classes count from 0 here, ids from 1.
        keep = (example.classes != label - 1) | (drawn >= drop_probability)
        boxes, classes, weights = (
            tf.boolean_mask(values, keep) for values in (example.boxes, example.classes, example.weights)
        )
        return example._replace(boxes=boxes, classes=classes, weights=weights)

    return apply

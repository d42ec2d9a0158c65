"""Give the boxes of some classes another class."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, original_labels: Sequence[int] = (), new_label: int = 0) -> Augmentation:
    """The boxes of the classes with these ids in the label map get the class with the id new_label."""
    # Classes count from 0 here, ids from 1.
    old = tf.constant([label - 1 for label in original_labels], tf.int32)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        among = tf.reduce_any(example.classes[:, tf.newaxis] == old, axis=1)
        return example._replace(classes=tf.where(among, new_label - 1, example.classes))

    return apply

"""Put an image beside itself, so that its objects come twice and half as large."""

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.training.augmentations.chance import with_probability
from boxwright.training.augmentations.example import Augmentation, TrainingExample, in_order


def make(*, concat_vertical_probability: float, concat_horizontal_probability: float) -> Augmentation:
    """Doubles the image downwards and to the right, each with its probability."""
    return in_order(
        [
            with_probability(probability, lambda example, _, axis=axis: _doubled(example, axis))
            for axis, probability in enumerate((concat_vertical_probability, concat_horizontal_probability))
        ]
    )


def _doubled(example: TrainingExample, axis: int) -> TrainingExample:
    """The image twice along an axis, 0 downwards, 1 to the right."""
    y, x = (0.5, 1.0) if axis == 0 else (1.0, 0.5)

    def twice(boxes: tf.Tensor) -> tf.Tensor:
        first = geometry.scale(boxes, y, x)
        return tf.concat([first, first + tf.constant([1 - y, 1 - x, 1 - y, 1 - x])], axis=0)

    return TrainingExample(
        tf.concat([example.image] * 2, axis=axis),
        twice(example.boxes),
        tf.tile(example.classes, [2]),
        tf.tile(example.weights, [2]),
        twice(example.regions),
    )

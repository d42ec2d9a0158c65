"""The data that an augmentation works on, and the composition of several augmentations."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_NONE = np.zeros([0, 4], np.float32)


class TrainingExample(NamedTuple):
    """One image to train on, with its N boxes.

    image: [H, W, 3] RGB, uint8 or float32 with values 0 to 255. boxes: float32 [N, 4], [ymin, xmin, ymax, xmax]
    normalised to the image. classes: int32 [N], counted from 0. weights: float32 [N]. regions: float32 [R, 4], ignore
    regions, as the boxes are; they follow the image and decide nothing.
    """

    image: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor
    weights: tf.Tensor
    regions: tf.Tensor = _NONE


# From an example and a seed, an integer tensor [2], to the changed example. Equal seeds give equal results.
Augmentation = Callable[[TrainingExample, tf.Tensor], TrainingExample]


def in_order(augmentations: Sequence[Augmentation]) -> Augmentation:
    """One augmentation that applies all of them in their order.

    Each draws from its own random stream, derived from its place in the list, so two equal ones draw different numbers.
    """

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        for position, augmentation in enumerate(augmentations):
            example = augmentation(example, tf.random.experimental.stateless_fold_in(seed, position))
        return example

    return apply

"""Crop an image to one aspect ratio."""

import tensorflow as tf

from boxwright.training.augmentations import aspect_ratio_of
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(*, aspect_ratio: float, overlap_thresh: float, clip_boxes: bool) -> Augmentation:
    """The largest crop with this ratio of width to height, at a random place.

    A box is kept if at least the part overlap_thresh of it is inside; clip_boxes cuts boxes at the crop's edges.
    """

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        return aspect_ratio_of.cut(example, aspect_ratio, overlap_thresh, clip_boxes, seed)

    return apply

"""Crop an image as in the training of SSD, and pad the crop to one aspect ratio."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from boxwright.training.augmentations import aspect_ratio_of
from boxwright.training.augmentations.crop_rules import SSD_RULES, crop_by_one_of, rule
from boxwright.training.augmentations.example import Augmentation, TrainingExample


def make(
    *,
    aspect_ratio: float,
    operations: Sequence[Mapping[str, Any]] = (),
    min_padded_size_ratio: Sequence[float] = (),
    max_padded_size_ratio: Sequence[float] = (),
) -> Augmentation:
    """Crops by one of `operations` (fields of `crop_rules.rule`), each equally likely, by default the paper's rules.

    The crop is padded with black, below and to the right, to this ratio of width to height and to a random multiple of
    its size between the two padded ratios (height and width, by default 1 and 2).
    """
    crop = crop_by_one_of([rule(**operation) for operation in operations] or SSD_RULES)
    least, most = min_padded_size_ratio or [1.0, 1.0], max_padded_size_ratio or [2.0, 2.0]

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        return aspect_ratio_of.pad(crop(example, seeds[0]), aspect_ratio, least, most, seeds[1])

    return apply

"""Crop an image as in the training of SSD, to one aspect ratio."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from boxwright.training.augmentations import aspect_ratio_of
from boxwright.training.augmentations.crop_rules import SSD_RULES, crop_by_one_of, rule
from boxwright.training.augmentations.example import Augmentation, TrainingExample

# The cut to one aspect ratio keeps a box if at least this part of it is inside, whatever the operations say.
_OVERLAP_OF_CUT = 0.3


def make(*, aspect_ratio: float, operations: Sequence[Mapping[str, Any]] = ()) -> Augmentation:
    """Like ssd_random_crop with crops of one aspect ratio; an image that is not cropped is also cut to that ratio.

    `operations` have the fields of `crop_rules.rule` except the aspect ratios. The cut removes boxes of which less than
    0.3 is left.
    """
    ratio = {"min_aspect_ratio": aspect_ratio, "max_aspect_ratio": aspect_ratio}
    rules = [rule(**operation, **ratio) for operation in operations]
    papers = [of_paper._replace(aspect_ratio=(aspect_ratio, aspect_ratio)) for of_paper in SSD_RULES]
    crop = crop_by_one_of(rules or papers)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        return aspect_ratio_of.cut(crop(example, seeds[0]), aspect_ratio, _OVERLAP_OF_CUT, True, seeds[1])

    return apply

"""Crop an image as in the training of SSD (Liu et al., arXiv 1512.02325, section 2.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from boxwright.training.augmentations.crop_rules import SSD_RULES, crop_by_one_of, rule
from boxwright.training.augmentations.example import Augmentation


def make(*, operations: Sequence[Mapping[str, Any]] = ()) -> Augmentation:
    """Crops by one of `operations` (fields of `crop_rules.rule`), each equally likely; by default the paper's rules."""
    return crop_by_one_of([rule(**operation) for operation in operations] or SSD_RULES)

"""Crop an image at random, within configured limits."""

from boxwright.training.augmentations.crop_rules import crop_by_one_of, rule
from boxwright.training.augmentations.example import Augmentation


def make(
    *,
    min_object_covered: float,
    min_aspect_ratio: float,
    max_aspect_ratio: float,
    min_area: float,
    max_area: float,
    overlap_thresh: float,
    clip_boxes: bool,
    random_coef: float,
) -> Augmentation:
    """Crops within these limits; see `CropRule`, where overlap_thresh is min_overlap and random_coef is keep_image."""
    only = rule(
        min_object_covered=min_object_covered,
        min_aspect_ratio=min_aspect_ratio,
        max_aspect_ratio=max_aspect_ratio,
        min_area=min_area,
        max_area=max_area,
        overlap_thresh=overlap_thresh,
        clip_boxes=clip_boxes,
        random_coef=random_coef,
    )
    return crop_by_one_of([only])

"""Crop an image at random and put the crop at a random place of a larger image."""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.training.augmentations import padding
from boxwright.training.augmentations.crop_rules import crop_by_one_of, rule
from boxwright.training.augmentations.example import Augmentation, TrainingExample


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
    min_padded_size_ratio: Sequence[float] = (),
    max_padded_size_ratio: Sequence[float] = (),
    pad_color: Sequence[float] = (),
) -> Augmentation:
    """Crops as `random_crop_image` does, then pads to a random multiple of the size before the crop.

    The two ratios hold numbers for height and width, by default 1 and 2. The padding is `pad_color` (RGB, 0 to 255),
    or the crop's mean if that is empty.
    """
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
    crop = crop_by_one_of([only])
    least, most = (
        tf.constant(list(ratios) or default, tf.float32)
        for ratios, default in ((min_padded_size_ratio, [1.0, 1.0]), (max_padded_size_ratio, [2.0, 2.0]))
    )
    color = padding.color_of(pad_color)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        size = tf.shape(example.image)[:2]
        cropped = crop(example, seeds[0])
        return padding.pad(cropped, padding.times(size, least), padding.times(size, most), color, seeds[1])

    return apply

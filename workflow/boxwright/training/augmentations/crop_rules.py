"""Random crops that keep objects in sight: rules, and a crop by one of them.

The rules of the SSD paper are in section 2.2 of Liu et al., arXiv 1512.02325, with the OD API's limits.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample
from boxwright.training.augmentations.window import reframe

_ATTEMPTS = 100  # draws of a window before the whole image is taken


class CropRule(NamedTuple):
    """How to draw one crop; all numbers are fractions.

    min_object_covered: at least this part of the area of some box must be inside the crop. aspect_ratio (width /
    height) and area (as a part of the image's): the ranges to draw from. min_overlap: a box is kept if at least this
    part of its area is inside. clip: cut boxes at the crop's edges. keep_image: the probability of no crop at all.
    """

    min_object_covered: float
    aspect_ratio: tuple[float, float]
    area: tuple[float, float]
    min_overlap: float
    clip: bool
    keep_image: float

    def choices(self, ranges: list[tuple[tuple[float, float], tuple[float, float]]]) -> tuple:
        """The rule's numbers; the position in `ranges` replaces its ranges of aspect ratio and area."""
        return (
            self.min_object_covered,
            ranges.index((self.aspect_ratio, self.area)),
            self.min_overlap,
            self.clip,
            self.keep_image,
        )


SSD_RULES = tuple(
    CropRule(overlap, (0.5, 2.0), (0.1, 1.0), overlap, True, 0.15) for overlap in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
)


def rule(
    *,
    min_aspect_ratio: float,
    max_aspect_ratio: float,
    min_area: float,
    max_area: float,
    clip_boxes: bool,
    min_object_covered: float = 0.0,
    overlap_thresh: float = 0.0,
    random_coef: float = 0.0,
) -> CropRule:
    """The rule that the fields of a crop's message describe, named as in the schema."""
    aspect_ratio, area = (min_aspect_ratio, max_aspect_ratio), (min_area, max_area)
    return CropRule(min_object_covered, aspect_ratio, area, overlap_thresh, clip_boxes, random_coef)


def crop_by_one_of(rules: Sequence[CropRule]) -> Augmentation:
    """A crop by one of the rules, each equally likely."""
    crop = crop_and_tell(rules)
    return lambda example, seed: crop(example, seed)[0]


def crop_and_tell(
    rules: Sequence[CropRule],
) -> Callable[[TrainingExample, tf.Tensor], tuple[TrainingExample, tf.Tensor]]:
    """As `crop_by_one_of`; its function also returns which of the rules was drawn, an int32 scalar.

    TensorFlow's sampler takes its two ranges as constants, so the graph has one sampler per pair of ranges; the rules
    share the rest.
    """
    ranges = list(dict.fromkeys((rule.aspect_ratio, rule.area) for rule in rules))
    table = [tf.constant(list(values)) for values in zip(*(rule.choices(ranges) for rule in rules), strict=True)]

    def apply(example: TrainingExample, seed: tf.Tensor) -> tuple[TrainingExample, tf.Tensor]:
        seeds = tf.random.split(seed, 3)
        choice = tf.random.stateless_uniform([], seeds[0], 0, len(rules), tf.int32)
        min_object_covered, range_number, min_overlap, clip, keep_image = (column[choice] for column in table)

        def crop() -> TrainingExample:
            draws = [lambda pair=pair: _draw_window(example, min_object_covered, *pair, seeds[1]) for pair in ranges]
            begin, size, window = draws[0]() if len(draws) == 1 else tf.switch_case(range_number, draws)
            return reframe(example, tf.slice(example.image, begin, size), window[0, 0], min_overlap, clip)

        return tf.cond(tf.random.stateless_uniform([], seeds[2]) >= keep_image, crop, lambda: example), choice

    return apply


def _draw_window(
    example: TrainingExample,
    min_object_covered: tf.Tensor,
    aspect_ratio: tuple[float, float],
    area: tuple[float, float],
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(begin, size, window): the first two for tf.slice, the last float32 [1, 1, 4], normalised."""
    return tuple(
        tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(example.image),
            bounding_boxes=tf.clip_by_value(example.boxes, 0.0, 1.0)[tf.newaxis],
            seed=seed,
            min_object_covered=min_object_covered,
            aspect_ratio_range=aspect_ratio,
            area_range=area,
            max_attempts=_ATTEMPTS,
            use_image_if_no_bounding_boxes=True,
        )
    )

"""Random crops, pads and scalings of an image together with its boxes.

Every function takes the option's message and returns a pure function (sample, seed) -> sample. All are changes of
frame: the image becomes what a window of it shows, and the boxes are expressed in that window.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import Message

from boxwright.boxes import geometry


class Sample(NamedTuple):
    """One image [H, W, 3], uint8 or float32 with values 0 to 255, and its N boxes.

    `boxes` float32 [N, 4] normalised ymin, xmin, ymax, xmax; `classes` int32 [N] from 0; `weights` float32 [N].
    """

    image: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor
    weights: tf.Tensor


Augmentation = Callable[[Sample, tf.Tensor], Sample]


class CropRule(NamedTuple):
    """How to draw one crop; fractions throughout.

    `min_object_covered`: at least one box must be inside the crop by this part of its area. `aspect_ratio` (width /
    height) and `area` (of the image's): the ranges to draw from. `min_overlap`: a box stays when at least this part of
    its area is inside. `clip`: cut boxes at the crop's edges. `keep_image`: the probability of no crop at all.
    """

    min_object_covered: float
    aspect_ratio: tuple[float, float]
    area: tuple[float, float]
    min_overlap: float
    clip: bool
    keep_image: float

    def choices(self, ranges: list) -> tuple[float, int, float, bool, float]:
        """The rule with its two ranges as their position in `ranges`."""
        return (
            self.min_object_covered,
            ranges.index((self.aspect_ratio, self.area)),
            self.min_overlap,
            self.clip,
            self.keep_image,
        )


# The crops of the SSD paper (Liu et al., arXiv 1512.02325, section 2.2), with the OD API's limits.
SSD_RULES = tuple(
    CropRule(overlap, (0.5, 2.0), (0.1, 1.0), overlap, True, 0.15) for overlap in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
)

_ATTEMPTS = 100  # draws of a window before the whole image is taken

# A box stays when at least this part of it is inside the cut to one aspect ratio, whatever the operations say.
_OVERLAP_OF_CUT = 0.3

uniform = tf.random.stateless_uniform


def random_crop_image(config: Message) -> Augmentation:
    """One crop by the option's own limits."""
    return _one_of([_rule(config, (config.min_aspect_ratio, config.max_aspect_ratio))])


def ssd_random_crop(config: Message) -> Augmentation:
    """A crop by one of `operations`, each equally likely; without operations by one of the SSD paper's."""
    rules = [_rule(op, (op.min_aspect_ratio, op.max_aspect_ratio)) for op in config.operations]
    return _one_of(rules or SSD_RULES)


def ssd_random_crop_fixed_aspect_ratio(config: Message) -> Augmentation:
    """As ssd_random_crop with crops of one aspect ratio; an image that was not cropped is cut to it as well.

    That cut removes boxes of which less than 0.3 are left.
    """
    ratio = config.aspect_ratio
    rules = [_rule(op, (ratio, ratio)) for op in config.operations]
    crop = _one_of(rules or [rule._replace(aspect_ratio=(ratio, ratio)) for rule in SSD_RULES])

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        seeds = tf.random.split(seed, 2)
        return _cut_to_aspect_ratio(crop(sample, seeds[0]), ratio, seeds[1])

    return apply


def random_absolute_pad_image(config: Message) -> Augmentation:
    """Up to max_height_padding rows and max_width_padding columns around the image, at a random place.

    The colour is `pad_color` (RGB, 0 to 255) or the image's mean.
    """
    limits = tf.constant([config.max_height_padding, config.max_width_padding])

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        seeds = tf.random.split(seed, 2)
        image = tf.cast(sample.image, tf.float32)
        color = tf.constant(list(config.pad_color), tf.float32) if config.pad_color else tf.reduce_mean(image, [0, 1])
        padding = _below(limits, seeds[0])  # rows and columns in all
        before = _below(padding, seeds[1])  # of these, above and to the left
        paddings = tf.stack([before, padding - before], axis=1)
        # Padding what the colour leaves of the image with zeros pads the image with the colour.
        padded = tf.pad(image - color, tf.concat([paddings, [[0, 0]]], axis=0)) + color
        size = tf.shape(image)[:2]
        return _reframe(sample, padded, _window(-before, size + padding, size))

    return apply


def random_square_crop_by_scale(config: Message) -> Augmentation:
    """A square whose side is a random multiple of the image's longer side, black where it leaves the image.

    The centre keeps off the image's edges by max_border pixels, halved until it is less than half the image
    (Zhou et al., arXiv 1904.07850, the authors' training code). As in the OD API, the last row and column of the image
    are never shown, and an odd side has a black last row and column.
    """

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        seeds = tf.random.split(seed, 2)
        size = tf.shape(sample.image)[:2]
        scales = tf.linspace(config.scale_min, config.scale_max, config.num_scales)
        scale = tf.cast(scales[uniform([], seeds[0], 0, config.num_scales, tf.int32)], tf.float32)
        side = tf.maximum(1, tf.cast(scale * tf.cast(tf.reduce_max(size), tf.float32), tf.int32))
        border = _border(config.max_border, size)
        center = border + _below(size - 2 * border + 1, seeds[1])
        half = side // 2
        begin = center - half
        inside = tf.maximum(begin, 0)
        end = tf.maximum(tf.minimum(center + half, size - 1), inside)
        part = sample.image[inside[0] : end[0], inside[1] : end[1]]
        before = inside - begin
        after = begin + side - end
        image = tf.pad(part, tf.concat([tf.stack([before, after], axis=1), [[0, 0]]], axis=0))
        return _reframe(sample, image, _window(begin, tf.stack([side, side]), size))

    return apply


def random_scale_crop_and_pad_to_square(config: Message) -> Augmentation:
    """The image scaled at random, then a square of output_size pixels of it, black below and right where it is smaller.

    At scale 1 the longer side is output_size (Tan, Pang and Le, arXiv 1911.09070, "scale jittering").
    """
    square = tf.constant([config.output_size, config.output_size])

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        seeds = tf.random.split(seed, 2)
        size = tf.cast(tf.shape(sample.image)[:2], tf.float32)
        scale = uniform([], seeds[0], config.scale_min, config.scale_max)
        scaled = tf.cast(scale * config.output_size * size / tf.reduce_max(size), tf.int32)
        scaled = tf.maximum(scaled, 1)
        begin = tf.cast(uniform([2], seeds[1]) * tf.cast(tf.maximum(scaled - square, 0), tf.float32), tf.int32)
        # Without half-pixel centers, as the image resizers do it.
        image = tf.compat.v1.image.resize(sample.image, scaled)
        image = image[begin[0] : begin[0] + config.output_size, begin[1] : begin[1] + config.output_size]
        image = tf.image.pad_to_bounding_box(image, 0, 0, config.output_size, config.output_size)
        return _reframe(sample, image, _window(begin, square, scaled))

    return apply


def _rule(config: Message, aspect_ratio: tuple[float, float]) -> CropRule:
    """A crop option's message as a rule."""
    area = (config.min_area, config.max_area)
    return CropRule(
        config.min_object_covered, aspect_ratio, area, config.overlap_thresh, config.clip_boxes, config.random_coef
    )


def _one_of(rules: Sequence[CropRule]) -> Augmentation:
    """A crop by one of the rules, each equally likely.

    TensorFlow's sampler takes its two ranges as constants, so it is there once per pair of ranges; the rest is common.
    """
    ranges = list(dict.fromkeys((rule.aspect_ratio, rule.area) for rule in rules))
    table = [tf.constant(list(values)) for values in zip(*(rule.choices(ranges) for rule in rules), strict=True)]

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        seeds = tf.random.split(seed, 3)
        choice = uniform([], seeds[0], 0, len(rules), tf.int32)
        min_object_covered, range_number, min_overlap, clip, keep_image = (column[choice] for column in table)

        def crop() -> Sample:
            draws = [lambda pair=pair: _draw_window(sample, min_object_covered, *pair, seeds[1]) for pair in ranges]
            begin, size, window = draws[0]() if len(draws) == 1 else tf.switch_case(range_number, draws)
            return _reframe(sample, tf.slice(sample.image, begin, size), window[0, 0], min_overlap, clip)

        return tf.cond(uniform([], seeds[2]) >= keep_image, crop, lambda: sample)

    return apply


def _draw_window(
    sample: Sample,
    min_object_covered: tf.Tensor,
    aspect_ratio: tuple[float, float],
    area: tuple[float, float],
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(begin, size, window): the first two for tf.slice, the last float32 [1, 1, 4], normalised."""
    return tuple(
        tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(sample.image),
            bounding_boxes=tf.clip_by_value(sample.boxes, 0.0, 1.0)[tf.newaxis],
            seed=seed,
            min_object_covered=min_object_covered,
            aspect_ratio_range=aspect_ratio,
            area_range=area,
            max_attempts=_ATTEMPTS,
            use_image_if_no_bounding_boxes=True,
        )
    )


def _cut_to_aspect_ratio(sample: Sample, ratio: float, seed: tf.Tensor) -> Sample:
    """The largest part of the image with width / height = ratio, at a random place along the longer side."""
    size = tf.shape(sample.image)[:2]
    height, width = tf.unstack(tf.cast(size, tf.float32))
    wanted = tf.stack([tf.minimum(height, tf.round(width / ratio)), tf.minimum(width, tf.round(height * ratio))])
    wanted = tf.maximum(tf.cast(wanted, tf.int32), 1)
    begin = _below(size - wanted + 1, seed)
    image = sample.image[begin[0] : begin[0] + wanted[0], begin[1] : begin[1] + wanted[1]]
    return _reframe(sample, image, _window(begin, wanted, size), _OVERLAP_OF_CUT)


def _reframe(
    sample: Sample,
    image: tf.Tensor,
    window: tf.Tensor,
    min_overlap: tf.Tensor | float = 0.0,
    clip: tf.Tensor | bool = True,
) -> Sample:
    """The sample seen through `window` (normalised in the old frame), of which `image` are the pixels.

    Kept are boxes that share some area with the window, and at least `min_overlap` of their own.
    """
    keep = geometry.overlaps_window(sample.boxes, window) & (geometry.ioa(window[None], sample.boxes)[0] >= min_overlap)
    boxes = geometry.change_frame(sample.boxes, window)
    boxes = tf.where(clip, tf.clip_by_value(boxes, 0.0, 1.0), boxes)
    keep &= geometry.area(boxes) > 0
    return Sample(
        image,
        tf.boolean_mask(boxes, keep),
        tf.boolean_mask(sample.classes, keep),
        tf.boolean_mask(sample.weights, keep),
    )


def _window(begin: tf.Tensor, shape: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """A window of `shape` pixels from pixel `begin` (int32 [2] each), normalised by the image's `size`: float32 [4]."""
    return tf.cast(tf.concat([begin, begin + shape], 0), tf.float32) / tf.cast(tf.tile(size, [2]), tf.float32)


def _below(limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """int32 of the shape of `limits` [2], each uniform in [0, limit), 0 where the limit is 0."""
    drawn = tf.cast(uniform([2], seed) * tf.cast(limits, tf.float32), tf.int32)
    return tf.maximum(tf.minimum(drawn, limits - 1), 0)


def _border(limit: int, size: tf.Tensor) -> tf.Tensor:
    """`limit` halved (whole number of times) until it is less than half of each of `size`; int32 [2]."""
    size = tf.cast(size, tf.float32)
    halvings = tf.math.ceil(tf.math.log(2.0 * max(limit, 1) / size) / tf.math.log(2.0))
    return limit // tf.cast(tf.clip_by_value(tf.pow(2.0, halvings), 1.0, float(max(limit, 1))), tf.int32)

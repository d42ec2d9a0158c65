"""Make boxes a little larger or smaller; the image stays as it is."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.training.augmentations.example import Augmentation, TrainingExample

# A side shorter than this counts as this long.
_LEAST = 1e-6


class _Mode(NamedTuple):
    """low, high: between which multiples of `ratio` the change lies.

    amounts: how many there are of a box: 4, one for each side; 2, one for its height and one for its width, so that it
    keeps its center; 1, one for both, so that it keeps its shape too.
    """

    low: float
    high: float
    amounts: int


MODES: Mapping[str, _Mode] = {
    "DEFAULT": _Mode(-1, 1, 4),
    "EXPAND": _Mode(0, 1, 4),
    "SHRINK": _Mode(-1, 0, 4),
    "EXPAND_SYMMETRIC": _Mode(0, 1, 2),
    "SHRINK_SYMMETRIC": _Mode(-1, 0, 2),
    "EXPAND_SYMMETRIC_XY": _Mode(0, 1, 1),
    "SHRINK_SYMMETRIC_XY": _Mode(-1, 0, 1),
}


def make(*, ratio: float, jitter_mode: str = "DEFAULT") -> Augmentation:
    """Changes the distance of each side from the box's center by a share of up to `ratio`, and clips to the image.

    So a side moves by up to half of `ratio` times the box's height or width. Where opposite sides move alike, the one
    nearer to the image's edge limits both.
    """
    mode = MODES[jitter_mode]

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        center_y, center_x, height, width = geometry.centers_and_sizes(example.boxes)
        center = tf.stack([center_y, center_x], axis=-1)
        sizes = tf.maximum(tf.abs(tf.stack([height, width], axis=-1)), _LEAST)
        shape = [tf.shape(example.boxes)[0], mode.amounts]
        factors = 1 + tf.random.stateless_uniform(shape, seed, mode.low * ratio, mode.high * ratio)
        if mode.amounts < 4:
            most = tf.abs(tf.minimum(2 * center / sizes, 2 * (1 - center) / sizes))
            most = tf.reduce_min(most, axis=-1, keepdims=True) if mode.amounts == 1 else most
            factors = tf.tile(tf.clip_by_value(factors, -most, most), [1, 4 // mode.amounts])
        half = tf.tile(sizes, [1, 2]) * factors / 2
        moved = tf.concat([center - half[:, :2], center + half[:, 2:]], axis=-1)
        return example._replace(boxes=tf.clip_by_value(moved, 0.0, 1.0))

    return apply

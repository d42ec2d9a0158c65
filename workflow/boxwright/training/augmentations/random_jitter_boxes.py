"""Move the sides of boxes a little; the image stays as it is."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.training.augmentations.example import Augmentation, TrainingExample

Offsets = Callable[[tf.Tensor], tf.Tensor]


def _outwards(amounts: tf.Tensor) -> tf.Tensor:
    return tf.abs(amounts) * tf.constant([-1.0, -1.0, 1.0, 1.0])


def _both_sides(amounts: tf.Tensor) -> tf.Tensor:
    """The same amount for opposite sides."""
    return tf.tile(amounts[:, :2], [1, 2])


def _all_sides(amounts: tf.Tensor) -> tf.Tensor:
    """The same amount, in shares of the side, for all four sides."""
    return tf.tile(amounts[:, :1], [1, 4])


# From four random amounts per box, [N, 4], to how far ymin, xmin, ymax and xmax move.
MODES: Mapping[str, Offsets] = {
    "DEFAULT": lambda amounts: amounts,
    "EXPAND": _outwards,
    "SHRINK": lambda amounts: -_outwards(amounts),
    "EXPAND_SYMMETRIC": lambda amounts: _outwards(_both_sides(amounts)),
    "SHRINK_SYMMETRIC": lambda amounts: -_outwards(_both_sides(amounts)),
    "EXPAND_SYMMETRIC_XY": lambda amounts: _outwards(_all_sides(amounts)),
    "SHRINK_SYMMETRIC_XY": lambda amounts: -_outwards(_all_sides(amounts)),
}


def make(*, ratio: float, jitter_mode: str = "DEFAULT") -> Augmentation:
    """Moves each side of each box by up to `ratio` of the box's height or width, and clips it to the image."""
    offsets = MODES[jitter_mode]

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        amounts = tf.random.stateless_uniform([tf.shape(example.boxes)[0], 4], seed, -ratio, ratio)
        _, _, height, width = geometry.centers_and_sizes(example.boxes)
        moved = example.boxes + offsets(amounts) * tf.stack([height, width, height, width], axis=-1)
        return example._replace(boxes=tf.clip_by_value(moved, 0.0, 1.0))

    return apply

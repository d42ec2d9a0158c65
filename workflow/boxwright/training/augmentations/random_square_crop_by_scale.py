"""See an image through a square of random size, as CenterNet was trained (Zhou et al., arXiv 1904.07850, code)."""

import tensorflow as tf

from boxwright.training.augmentations.example import Augmentation, TrainingExample
from boxwright.training.augmentations.window import below, reframe, window_of


def make(*, max_border: int, scale_min: float, scale_max: float, num_scales: int) -> Augmentation:
    """Crops a square whose side is a random multiple of the image's longer side, black outside the image.

    The multiple is one of `num_scales` between scale_min and scale_max. The centre stays max_border pixels away from
    the image's edges; this distance is halved until it is less than half the image. As in the OD API, the last row and
    column of the image are never shown, and a square with an odd side has a black last row and column.
    """

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        size = tf.shape(example.image)[:2]
        scales = tf.linspace(scale_min, scale_max, num_scales)
        scale = tf.cast(scales[tf.random.stateless_uniform([], seeds[0], 0, num_scales, tf.int32)], tf.float32)
        side = tf.maximum(1, tf.cast(scale * tf.cast(tf.reduce_max(size), tf.float32), tf.int32))
        border = _border(max_border, size)
        center = border + below(size - 2 * border + 1, seeds[1])
        half = side // 2
        begin = center - half
        inside = tf.maximum(begin, 0)
        end = tf.maximum(tf.minimum(center + half, size - 1), inside)
        part = example.image[inside[0] : end[0], inside[1] : end[1]]
        before = inside - begin
        after = begin + side - end
        image = tf.pad(part, tf.concat([tf.stack([before, after], axis=1), [[0, 0]]], axis=0))
        return reframe(example, image, window_of(begin, tf.stack([side, side]), size))

    return apply


def _border(limit: int, size: tf.Tensor) -> tf.Tensor:
    """`limit` halved, for each side, until it is less than half of that side of `size`; int32 [2]."""
    size = tf.cast(size, tf.float32)
    halvings = tf.math.ceil(tf.math.log(2.0 * max(limit, 1) / size) / tf.math.log(2.0))
    return limit // tf.cast(tf.clip_by_value(tf.pow(2.0, halvings), 1.0, float(max(limit, 1))), tf.int32)

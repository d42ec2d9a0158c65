"""Regions of interest: choosing proposals to train on, and cutting their features out of the feature map."""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import sampling

# The last sample of a box that ends on the border lies on the center of the last cell, or through rounding just beyond
# it, where features are 0. So the last bit would decide a row of samples. Half of this margin would be enough.
INSIDE = 1 - 2**-22


class Pooling(NamedTuple):
    """How a region becomes a square of features.

    size: side of the square that is cut out. kernel, stride: of the max pooling after it; kernel 0: no pooling.
    """

    size: int
    kernel: int
    stride: int


def pool(features: tf.Tensor, boxes: tf.Tensor, pooling: Pooling) -> tf.Tensor:
    """Bilinear samples of each box on a regular grid that includes its border, then max pooling without padding.

    features: [B, h, w, C]. boxes: [B, P, 4], within what the feature map covers and normalised to it; 0 and 1 are the
    centers of the outer cells.
    Returns [B * P, s, s, C], of the type of `features`, with s = (size - kernel) // stride + 1. (He et al. 2017,
    section 3, without its averaging.)
    """
    batch, count = tf.unstack(tf.shape(boxes)[:2])
    image_of_box = tf.repeat(tf.range(batch), count)
    boxes = tf.reshape(tf.minimum(boxes, INSIDE), [-1, 4])
    sides = [pooling.size, pooling.size]
    regions = tf.image.crop_and_resize(tf.cast(features, tf.float32), boxes, image_of_box, sides)
    if pooling.kernel:
        regions = tf.nn.max_pool2d(regions, pooling.kernel, pooling.stride, "VALID")
    return tf.cast(regions, features.dtype)


def sample(
    boxes: tf.Tensor,
    candidates: tf.Tensor,
    positives: tf.Tensor,
    size: int,
    positive_fraction: float,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Draw up to `size` boxes of each image, at most `size * positive_fraction` of them positive.

    boxes: [B, P, 4]; candidates, positives: bool [B, P], which boxes may be drawn, and which are positive.
    seed: int32 [2]; the sample is a pure function of it.
    Returns the drawn boxes in their order, [B, size, 4], padded with zeros, and their number, int32 [B].
    """
    drawn = sampling.balanced(candidates, positives, size, positive_fraction, seed)
    count = tf.math.count_nonzero(drawn, axis=1, dtype=tf.int32)
    first = tf.argsort(tf.cast(~drawn, tf.int32), axis=1, stable=True)[:, :size]
    chosen = tf.gather(boxes, first, batch_dims=1)
    missing = size - tf.shape(chosen)[1]
    chosen = tf.ensure_shape(tf.pad(chosen, [[0, 0], [0, missing], [0, 0]]), [None, size, 4])
    return tf.where(tf.sequence_mask(count, size)[..., None], chosen, 0.0), count

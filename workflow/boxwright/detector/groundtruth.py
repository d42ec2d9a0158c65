"""Ground truth of a batch, padded to one number of boxes."""

from typing import NamedTuple

import tensorflow as tf


class Groundtruth(NamedTuple):
    """Boxes of a batch of B images, padded with zeros to M boxes per image.

    boxes: float32 [B, M, 4], [ymin, xmin, ymax, xmax] normalised to the image that `preprocess` returned (true shape).
    classes: int32 [B, M], counted from 0, without a background class.
    weights: float32 [B, M], 0 for a box whose anchors must not train, and for padding.
    num_boxes: int32 [B], how many of the M are real.
    regions: float32 [B, R, 4], ignore regions, in the frame of the boxes and padded with zeros; None: there are none.
    """

    boxes: tf.Tensor
    classes: tf.Tensor
    weights: tf.Tensor
    num_boxes: tf.Tensor
    regions: tf.Tensor | None = None

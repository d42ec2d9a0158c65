"""Similarity of ground truth boxes and anchors: functions by the names of the schema's alternatives.

Each takes boxes float32 [B, M, 4] and anchors [A, 4] or [B, A, 4] in the same units and gives float32 [B, M, A].
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from boxwright.boxes import geometry

Similarity = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def neg_sq_dist_similarity(boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Minus the squared distance between the four coordinates."""
    return -geometry.squared_distances(boxes, anchors)


def thresholded_iou_similarity(boxes: tf.Tensor, anchors: tf.Tensor, *, iou_threshold: float) -> tf.Tensor:
    """1 where the IoU is above the threshold, else 0.

    A value above the threshold stands for the probability that the box is an object, which is 1 if the labels have no
    background class.
    """
    return tf.cast(geometry.iou(boxes, anchors) > iou_threshold, tf.float32)


FUNCTIONS: dict[str, Callable[..., tf.Tensor]] = {
    "iou_similarity": geometry.iou,
    "ioa_similarity": geometry.ioa,
    "neg_sq_dist_similarity": neg_sq_dist_similarity,
    "thresholded_iou_similarity": thresholded_iou_similarity,
}


def make(name: str, **numbers: float) -> Similarity:
    """The function of this name, with the numbers of its message; KeyError for a name that is not in `FUNCTIONS`."""
    return functools.partial(FUNCTIONS[name], **numbers) if numbers else FUNCTIONS[name]

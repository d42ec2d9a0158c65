"""Training targets: what each anchor should predict, and how much it counts."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.boxes.coders.box_coder import BoxCoder
from boxwright.boxes.matchers.matcher import BACKGROUND, IGNORED, Matcher
from boxwright.boxes.similarity import Similarity

# An anchor of which a region covers this share gives no loss: the IoU from which an object counts as found.
_COVERED = 0.5


class Targets(NamedTuple):
    """Targets of B images and A anchors, K class columns.

    class_targets: float32 [B, A, K], the matched box's label vector or that of background.
    class_weights: float32 [B, A], the matched box's weight, `negative_class_weight` for background, 0 if ignored.
    box_targets: float32 [B, A, 4], codes, 0 where unmatched.
    box_weights: float32 [B, A], the matched box's weight, 0 where unmatched.
    match: int32 [B, A], index of the matched box, -1 background, -2 ignored.
    """

    class_targets: tf.Tensor
    class_weights: tf.Tensor
    box_targets: tf.Tensor
    box_weights: tf.Tensor
    match: tf.Tensor


def assign(
    anchors: tf.Tensor,
    boxes: tf.Tensor,
    labels: tf.Tensor,
    weights: tf.Tensor,
    num_boxes: tf.Tensor,
    *,
    matcher: Matcher,
    box_coder: BoxCoder,
    background: tf.Tensor | Sequence[float],
    similarity: Similarity = geometry.iou,
    negative_class_weight: float = 1.0,
    regions: tf.Tensor | None = None,
) -> Targets:
    """Targets of every anchor from the ground truth of its image.

    anchors: float32 [A, 4], or [B, A, 4] where each image has its own (proposals).
    boxes: float32 [B, M, 4], ground truth in the anchors' units, padded.
    labels: float32 [B, M, K], one-hot (or any) label vectors, with a background column if the model has one.
    weights: float32 [B, M]. A box of weight 0 forces no match, but still matches by overlap.
    num_boxes: int32 [B], the number of real boxes of each image.
    background: float32 [K], the class target of anchors that match nothing.
    similarity: see `boxes.similarity`.
    negative_class_weight: classification weight of background anchors.
    regions: float32 [B, R, 4], ignore regions in the anchors' units, padded with boxes of no area. An anchor that would
    be background is ignored if half of it lies on a region, or if it would not be background with the region as a box.
    """
    boxes, labels, weights = used_rows((boxes, labels, weights), num_boxes)
    match = matcher.match(similarity(boxes, anchors), num_boxes, weights > 0)
    if regions is not None and regions.shape[1] != 0:
        match = tf.cond(
            tf.shape(regions)[1] > 0,
            lambda: _without_regions(match, anchors, boxes, weights, num_boxes, regions, matcher, similarity),
            lambda: match,
        )

    matched = match >= 0
    row = tf.maximum(match, 0)
    box_weights = tf.where(matched, tf.gather(weights, row, batch_dims=1), 0.0)
    class_weights = tf.where(match == BACKGROUND, float(negative_class_weight), box_weights)
    # Background as row 0 of the labels: all anchors in one pass over the largest tensor here.
    unmatched = tf.broadcast_to(tf.cast(background, labels.dtype), [tf.shape(labels)[0], 1, tf.shape(labels)[2]])
    class_targets = tf.gather(tf.concat([unmatched, labels], axis=1), tf.maximum(match + 1, 0), batch_dims=1)
    codes = box_coder.encode(tf.gather(boxes, row, batch_dims=1), anchors)
    return Targets(class_targets, class_weights, tf.where(matched[..., None], codes, 0.0), box_weights, match)


def _without_regions(
    match: tf.Tensor,
    anchors: tf.Tensor,
    boxes: tf.Tensor,
    weights: tf.Tensor,
    num_boxes: tf.Tensor,
    regions: tf.Tensor,
    matcher: Matcher,
    similarity: Similarity,
) -> tf.Tensor:
    """`match` [B, A] in which background anchors on ignore regions are ignored; see `assign`.

    Small regions matter only through the second condition: no anchor may lie on them, but one would be theirs.
    """
    is_region = geometry.area(regions) > 0
    is_box = tf.range(tf.shape(boxes)[1])[None, :] < num_boxes[:, None]
    real = tf.concat([is_box, is_region], axis=1)
    alike = similarity(tf.concat([boxes, regions], axis=1), anchors)
    # Padding lies between boxes and regions, so it is excluded here and all rows count for the matcher.
    alike = tf.where(real[:, :, None], alike, alike.dtype.min)
    rows = tf.where(tf.reduce_any(real, axis=1), tf.shape(real)[1], 0)
    with_regions = matcher.match(alike, rows, tf.concat([is_box & (weights > 0), is_region], axis=1))
    covered = tf.reduce_max(geometry.ioa(regions, anchors), axis=1) >= _COVERED
    return tf.where((match == BACKGROUND) & (covered | (with_regions != BACKGROUND)), IGNORED, match)


def used_rows(tensors: Sequence[tf.Tensor], num_boxes: tf.Tensor) -> list[tf.Tensor]:
    """Tensors [B, M, ...] without the rows that are padding in every image; reductions need at least one row."""
    used = tf.maximum(tf.reduce_max(num_boxes), 1)
    missing = used - tf.minimum(tf.shape(tensors[0])[1], used)
    return [tf.pad(each[:, :used], [[0, 0], [0, missing]] + [[0, 0]] * (each.shape.rank - 2)) for each in tensors]

"""Training targets: what each anchor should predict, and how much it counts."""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import coder, geometry, matcher
from boxwright.core.errors import UserError


class Targets(NamedTuple):
    """Targets of B images and A anchors, K class columns.

    class_targets: `[B, A, K]` float32, the matched box's label vector or `background`.
    class_weights: `[B, A]` float32: the matched box's weight, `negative_class_weight` for background, 0 if ignored.
    box_targets: `[B, A, 4]` float32 codes, 0 where unmatched.
    box_weights: `[B, A]` float32: the matched box's weight, 0 where unmatched.
    match: `[B, A]` int32: index of the matched box, -1 background, -2 ignored.
    """

    class_targets: tf.Tensor
    class_weights: tf.Tensor
    box_targets: tf.Tensor
    box_weights: tf.Tensor
    match: tf.Tensor


def similarity_from_config(config):
    """The function `(boxes [B, M, 4], anchors [..., A, 4]) -> [B, M, A]` of a `RegionSimilarityCalculator` message.

    Raises:
        UserError: the message names no calculator.
    """
    kind = config.WhichOneof("region_similarity")
    threshold = config.thresholded_iou_similarity.iou_threshold
    functions = {
        "iou_similarity": geometry.iou,
        "ioa_similarity": geometry.ioa,
        "neg_sq_dist_similarity": lambda a, b: -geometry.squared_distances(a, b),
        # The probability that the box is an object, which is 1 where no background class is among its labels.
        "thresholded_iou_similarity": lambda a, b: tf.cast(geometry.iou(a, b) > threshold, tf.float32),
    }
    if kind not in functions:
        raise UserError(f"similarity_calculator: {kind or 'nothing'} is not supported; use one of {sorted(functions)}.")
    return functions[kind]


def assign(
    anchors,
    boxes,
    labels,
    weights,
    num_boxes,
    *,
    settings: matcher.Matcher,
    background,
    box_coder: coder.BoxCoder = coder.FasterRcnn(),  # noqa: B008 (an immutable tuple)
    similarity=geometry.iou,
    negative_class_weight=1.0,
) -> Targets:
    """Targets of every anchor from the ground truth of its image.

    Args:
        anchors: `[A, 4]`, or `[B, A, 4]` where each image has its own (proposals).
        boxes: `[B, M, 4]` ground truth in the anchors' units, padded.
        labels: `[B, M, K]` float32, one-hot (or any) label vectors, with a background column if the model has one.
        weights: `[B, M]` float32. A box of weight 0 forces no match, but still matches by overlap.
        num_boxes: `[B]` int32, the number of real boxes of each image.
        settings: the matcher's thresholds and flags.
        background: `[K]`, the class target of anchors that match nothing.
        box_coder: what makes codes of boxes.
        similarity: see `similarity_from_config`.
        negative_class_weight: classification weight of background anchors.
    """
    boxes, labels, weights = _used_rows((boxes, labels, weights), num_boxes)
    match = matcher.match(similarity(boxes, anchors), num_boxes, weights > 0, settings)

    matched = match >= 0
    row = tf.maximum(match, 0)
    box_weights = tf.where(matched, tf.gather(weights, row, batch_dims=1), 0.0)
    class_weights = tf.where(match == matcher.BACKGROUND, float(negative_class_weight), box_weights)
    # Background as row 0 of the labels: all anchors in one pass over the largest tensor here.
    unmatched = tf.broadcast_to(tf.cast(background, labels.dtype), [tf.shape(labels)[0], 1, tf.shape(labels)[2]])
    class_targets = tf.gather(tf.concat([unmatched, labels], axis=1), tf.maximum(match + 1, 0), batch_dims=1)
    codes = box_coder.encode(tf.gather(boxes, row, batch_dims=1), anchors)
    return Targets(class_targets, class_weights, tf.where(matched[..., None], codes, 0.0), box_weights, match)


def _used_rows(tensors, num_boxes):
    """Tensors `[B, M, ...]` without the rows that are padding in every image, but with one row at least, to reduce."""
    used = tf.maximum(tf.reduce_max(num_boxes), 1)
    missing = used - tf.minimum(tf.shape(tensors[0])[1], used)
    return [tf.pad(each[:, :used], [[0, 0], [0, missing]] + [[0, 0]] * (each.shape.rank - 2)) for each in tensors]

"""Non-maximum suppression: from scored, overlapping boxes to detections, and the score conversion before it.

Greedy suppression per class on unclipped boxes (Girshick et al., 2014; soft suppression: Bodla et al., 2017), then the
order that the OD API gives: sorted by score, ties by class, then by anchor; clipped to the window; boxes without area
dropped; cut to the total; and expressed relative to the window.
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.catalog import check
from boxwright.core.errors import UserError

# Candidates per image of the quick path, at least. Among the 1,917 x 90 of an SSD the best 100 survivors are nearly
# always found in the first few hundred.
_CANDIDATES = 1024


class Settings(NamedTuple):
    """What `BatchNonMaxSuppression` says.

    iou_threshold: a box that overlaps a better one of its class by more is dropped (not used by soft suppression).
    score_threshold: only scores above it (strictly) take part.
    max_per_class, max_total: limits per image; the first does not apply to class-agnostic suppression.
    class_agnostic: one suppression over each box's best class instead of one per class.
    soft_sigma: above 0, overlapped scores decay by `exp(-iou^2 / (2 sigma))` instead.
    change_frame: coordinates become relative to the clip window.
    """

    iou_threshold: float = 0.6
    score_threshold: float = 0.0
    max_per_class: int = 100
    max_total: int = 100
    class_agnostic: bool = False
    soft_sigma: float = 0.0
    change_frame: bool = True


class Detections(NamedTuple):
    """Detections of B images, N = `max_total` rows each, best first, zeros after `num`.

    boxes: `[B, N, 4]` float32.
    scores: `[B, N]` float32.
    classes: `[B, N]` int32, from 0.
    anchors: `[B, N]` int32, the row of the input that the box came from.
    num: `[B]` int32.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    anchors: tf.Tensor
    num: tf.Tensor


def from_config(config) -> Settings:
    """The settings of a `BatchNonMaxSuppression` message.

    `use_static_shapes` and `use_partitioned_nms` choose an implementation for TPUs that selects the same boxes, and
    `use_cpu_nms` a device: they are accepted and need nothing here.

    Raises:
        UserError: values that cannot be, all in one.
    """
    check.require(config, "batch_non_max_suppression")
    return Settings(
        config.iou_threshold,
        config.score_threshold,
        config.max_detections_per_class,
        config.max_total_detections,
        config.use_class_agnostic_nms,
        config.soft_nms_sigma,
        config.change_coordinate_frame,
    )


def score_converter(config):
    """The function from logits `[..., K]` to scores `[..., K]` of a `PostProcessing` message.

    Raises:
        UserError: a calibration is asked for, or the scale is not above 0.
    """
    if config.HasField("calibration_config"):
        kind = config.calibration_config.WhichOneof("calibrator")
        raise UserError(f"post_processing.calibration_config: {kind} is not supported; remove it to get raw scores.")
    check.require(config, "post_processing")
    name = config.DESCRIPTOR.enum_types_by_name["ScoreConverter"].values_by_number[config.score_converter].name
    convert = {"IDENTITY": tf.identity, "SIGMOID": tf.sigmoid, "SOFTMAX": tf.nn.softmax}[name]
    return lambda logits: convert(logits / config.logit_scale)


def multiclass(boxes, scores, settings: Settings, windows, num_valid=None) -> Detections:
    """Suppresses the overlapping boxes of each image and class.

    Exactly the boxes, order and ties of greedy suppression over all anchors and classes, found in one of two ways.
    Quickly: selecting the boxes above any score needs only the candidates above it, so a fixed number of best
    candidates is taken and suppressed by one multi-threaded op, with ranks in place of scores, which also carry the
    candidates' identity and decide ties. Where fewer than `max_total` survive and candidates are left out, one op per
    class looks at everything.

    Args:
        boxes: `[B, A, Q, 4]` float32; Q is 1, or C where each class has a box of its own.
        scores: `[B, A, C]` float32 without background. C is static.
        settings: thresholds and limits.
        windows: `[B, 4]` (or `[4]` for all) float32 in the boxes' units; detections are clipped to it.
        num_valid: `[B]` int32, how many of the A rows of each image are real; None: all.
    """
    if num_valid is not None:
        real = tf.range(tf.shape(scores)[1]) < num_valid[:, None]
        scores = tf.where(real[:, :, None], scores, scores.dtype.min)
    windows = tf.broadcast_to(windows, [tf.shape(scores)[0], 4])

    if settings.class_agnostic:
        best_class = tf.argmax(scores, axis=2, output_type=tf.int32)
        if boxes.shape[2] != 1:
            boxes = tf.gather(boxes, best_class[:, :, None], batch_dims=2)
        settings = settings._replace(class_agnostic=False, max_per_class=settings.max_total)
        found = multiclass(boxes, tf.reduce_max(scores, axis=2, keepdims=True), settings, windows)
        classes = tf.gather(best_class, found.anchors, batch_dims=1)
        real = tf.range(settings.max_total) < found.num[:, None]
        return found._replace(classes=tf.where(real, classes, 0))

    def thorough():
        return _finish(boxes, _per_class(boxes, scores, settings), settings, windows)

    if scores.shape[2] == 1 or settings.soft_sigma > 0:
        return thorough()
    candidates, exhausted = _best_candidates(boxes, scores, settings)
    quick = _finish(boxes, candidates, settings, windows)
    complete = tf.reduce_all(exhausted | (quick.num >= settings.max_total))
    return Detections(*tf.cond(complete, lambda: tuple(quick), lambda: tuple(thorough())))


def proposals(boxes, objectness, *, max_proposals, iou_threshold, score_threshold, windows) -> Detections:
    """The region proposals of Faster R-CNN: suppression without classes, in the boxes' own coordinates.

    Args:
        boxes: `[B, A, 4]` float32 decoded boxes.
        objectness: `[B, A]` float32, probability of being an object.
        max_proposals: rows of the result.
        iou_threshold, score_threshold: as in `Settings`.
        windows: `[B, 4]`, the true extent of each image in the boxes' units.

    Returns:
        `Detections` whose classes are all 0; clipped, not normalised.
    """
    settings = Settings(iou_threshold, score_threshold, max_proposals, max_proposals, change_frame=False)
    return multiclass(boxes[:, :, None, :], objectness[:, :, None], settings, windows)


class _Candidates(NamedTuple):
    """Suppression's survivors of B images, sorted by score, then class, then anchor: four tensors `[B, K]`."""

    scores: tf.Tensor
    classes: tf.Tensor
    anchors: tf.Tensor
    valid: tf.Tensor


def _per_class(boxes, scores, settings):
    """All survivors, by one suppression op per image and class."""
    batch, anchors = tf.unstack(tf.shape(scores)[:2])
    classes = scores.shape[2]
    by_class = tf.reshape(tf.transpose(scores, [0, 2, 1]), [batch * classes, anchors])
    per_class_boxes = tf.transpose(boxes, [0, 2, 1, 3])

    def suppress(index):
        box_class = index % classes if boxes.shape[2] != 1 else 0
        selected, kept, count = tf.raw_ops.NonMaxSuppressionV5(
            boxes=per_class_boxes[index // classes, box_class],
            scores=by_class[index],
            max_output_size=settings.max_per_class,
            iou_threshold=settings.iou_threshold,
            score_threshold=settings.score_threshold,
            soft_nms_sigma=settings.soft_sigma,
            pad_to_max_output_size=True,
        )
        return selected, tf.where(tf.range(settings.max_per_class) < count, kept, kept.dtype.min)

    selected, kept = tf.map_fn(suppress, tf.range(batch * classes), fn_output_signature=(tf.int32, tf.float32))
    size = classes * settings.max_per_class
    kept, order = tf.math.top_k(tf.reshape(kept, [batch, size]), size)
    return _Candidates(
        scores=kept,
        classes=order // settings.max_per_class,
        anchors=tf.gather(tf.reshape(selected, [batch, size]), order, batch_dims=1),
        valid=kept > kept.dtype.min,
    )


def _best_candidates(boxes, scores, settings):
    """The survivors among the best candidates, and `[B]` bool whether no candidate of an image was left out."""
    batch, anchors = tf.unstack(tf.shape(scores)[:2])
    classes = scores.shape[2]
    total = anchors * classes
    # Class-major, as top_k breaks ties by position and the order wanted is score, class, anchor.
    flat = tf.reshape(tf.transpose(scores, [0, 2, 1]), [batch, total])
    count = tf.minimum(max(_CANDIDATES, 4 * settings.max_total), total)
    best, position = tf.math.top_k(flat, count)
    eligible = best > settings.score_threshold
    box_class, anchor = position // anchors, position % anchors

    rank = tf.cast(tf.where(eligible, count - tf.range(count), 0), tf.float32)
    # The kernel for CPU, wherever the rest runs: it compares by the same arithmetic as the single-class op.
    with tf.device("/CPU:0"):
        _, survivors, _, num = tf.raw_ops.CombinedNonMaxSuppression(
            boxes=_boxes_of(boxes, anchor, box_class)[:, :, None, :],
            scores=tf.one_hot(box_class, classes) * rank[:, :, None],
            max_output_size_per_class=settings.max_per_class,
            max_total_size=count,
            iou_threshold=settings.iou_threshold,
            score_threshold=0.0,
            clip_boxes=False,
        )
    order = tf.minimum(count - tf.cast(survivors, tf.int32), count - 1)
    found = _Candidates(
        scores=tf.gather(best, order, batch_dims=1),
        classes=tf.gather(box_class, order, batch_dims=1),
        anchors=tf.gather(anchor, order, batch_dims=1),
        valid=tf.range(count) < num[:, None],
    )
    return found, ~eligible[:, -1] | (count == total)


def _boxes_of(boxes, anchors, classes):
    """The boxes `[B, K, 4]` of anchors and classes `[B, K]` out of `[B, A, Q, 4]`."""
    if boxes.shape[2] == 1:
        return tf.gather(boxes[:, :, 0], anchors, batch_dims=1)
    return tf.gather_nd(boxes, tf.stack([anchors, classes], axis=-1), batch_dims=1)


def _finish(boxes, found, settings, windows):
    """Clips the survivors, drops those without area, cuts to the total and pads with zeros."""
    clipped = geometry.clip_to_window(_boxes_of(boxes, found.anchors, found.classes), windows[:, None])
    # A score below 0 (possible without a score conversion) marks a dropped box in the OD API.
    keep = found.valid & (geometry.area(clipped) > 0) & (found.scores >= 0)
    size = tf.shape(keep)[1]
    rows = tf.minimum(settings.max_total, size)
    place, order = tf.math.top_k(tf.where(keep, size - tf.range(size), 0), rows)
    kept = place > 0
    if settings.change_frame:
        clipped = geometry.change_frame(clipped, windows[:, None])

    def take(values):
        values = tf.gather(values, order, batch_dims=1)
        mask = tf.reshape(kept, tf.concat([tf.shape(kept), tf.ones([values.shape.rank - 2], tf.int32)], 0))
        values = tf.where(mask, values, tf.zeros([], values.dtype))
        padding = [[0, 0], [0, settings.max_total - rows]] + [[0, 0]] * (values.shape.rank - 2)
        padded = tf.pad(values, padding)
        return tf.ensure_shape(padded, [boxes.shape[0], settings.max_total, *values.shape[2:]])

    return Detections(
        boxes=take(clipped),
        scores=take(found.scores),
        classes=take(found.classes),
        anchors=take(found.anchors),
        num=tf.math.count_nonzero(kept, axis=1, dtype=tf.int32),
    )

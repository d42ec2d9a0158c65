"""Non-maximum suppression: from scored, overlapping boxes to detections, and the score conversion before it.

Greedy suppression per class on unclipped boxes (Girshick et al., 2014; soft suppression: Bodla et al., 2017), then the
order that the OD API gives: sorted by score, ties by class, then by anchor; clipped to the window; boxes without area
dropped; cut to the total; and expressed relative to the window.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry

# Logits [..., K] to scores [..., K].
ScoreConverter = Callable[[tf.Tensor], tf.Tensor]

# Minimum number of candidates per image on the quick path. Among the 1,917 x 90 of an SSD, the best 100 survivors are
# nearly always in the first few hundred.
_CANDIDATES = 1024


class Settings(NamedTuple):
    """The numbers of the schema's `BatchNonMaxSuppression`; its other fields have one value or do not affect results.

    iou_threshold: a box that overlaps a better one of its class by more is dropped (not used by soft suppression).
    score_threshold: only scores above it (strictly) take part.
    max_detections_per_class, max_total_detections: limits per image; the first does not apply to class-agnostic
    suppression.
    use_class_agnostic_nms: one suppression over each box's best class instead of one per class.
    soft_nms_sigma: above 0, overlapped scores decay by `exp(-iou^2 / (2 sigma))` instead.
    change_coordinate_frame: coordinates become relative to the clip window.
    fill_with_dropped: the rows after the last box that remains hold the boxes that were dropped for want of an area,
        instead of zeros. Not a field of the schema.
    """

    iou_threshold: float = 0.6
    score_threshold: float = 0.0
    max_detections_per_class: int = 100
    max_total_detections: int = 100
    use_class_agnostic_nms: bool = False
    soft_nms_sigma: float = 0.0
    change_coordinate_frame: bool = True
    fill_with_dropped: bool = False


class Selected(NamedTuple):
    """The boxes that remain in B images, N = `max_total_detections` rows each, best first, zeros after `num`.

    boxes: float32 [B, N, 4].
    scores: float32 [B, N].
    classes: int32 [B, N], from 0.
    anchors: int32 [B, N], the row of the input that the box came from.
    num: int32 [B].
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    anchors: tf.Tensor
    num: tf.Tensor


def score_converter(*, score_converter: str, logit_scale: float) -> ScoreConverter:
    """The function for the numbers of the schema's `PostProcessing`: IDENTITY, SIGMOID or SOFTMAX of scaled logits."""
    convert = {"IDENTITY": tf.identity, "SIGMOID": tf.sigmoid, "SOFTMAX": tf.nn.softmax}[score_converter]
    return lambda logits: convert(logits / logit_scale)


def multiclass(
    boxes: tf.Tensor, scores: tf.Tensor, settings: Settings, windows: tf.Tensor, num_valid: tf.Tensor | None = None
) -> Selected:
    """Suppress the overlapping boxes of each image and class.

    The result has exactly the boxes, order and ties of greedy suppression over all anchors and classes. There are two
    ways to find it. The quick one takes a fixed number of the best candidates, because which boxes above a score
    survive depends only on the candidates above it. One multi-threaded op suppresses them, with ranks in place of
    scores: ranks also identify the candidates and decide ties. If fewer than `max_total_detections` survive and
    candidates were left out, the thorough way runs one op per class on all candidates.

    boxes: float32 [B, A, Q, 4]; Q is 1, or C where each class has a box of its own.
    scores: float32 [B, A, C] without background. C is static.
    windows: float32 [B, 4] (or [4] for all) in the boxes' units; the selected boxes are clipped to them.
    num_valid: int32 [B], how many of the A rows of each image are real; None: all.
    """
    if num_valid is not None:
        real = tf.range(tf.shape(scores)[1]) < num_valid[:, None]
        scores = tf.where(real[:, :, None], scores, scores.dtype.min)
    windows = tf.broadcast_to(windows, [tf.shape(scores)[0], 4])

    if settings.use_class_agnostic_nms:
        best_class = tf.argmax(scores, axis=2, output_type=tf.int32)
        if boxes.shape[2] != 1:
            boxes = tf.gather(boxes, best_class[:, :, None], batch_dims=2)
        settings = settings._replace(
            use_class_agnostic_nms=False, max_detections_per_class=settings.max_total_detections
        )
        found = multiclass(boxes, tf.reduce_max(scores, axis=2, keepdims=True), settings, windows)
        classes = tf.gather(best_class, found.anchors, batch_dims=1)
        real = tf.range(settings.max_total_detections) < found.num[:, None]
        return found._replace(classes=tf.where(real, classes, 0))

    def thorough() -> Selected:
        return _finish(boxes, _per_class(boxes, scores, settings), settings, windows)

    if scores.shape[2] == 1 or settings.soft_nms_sigma > 0:
        return thorough()
    candidates, exhausted = _best_candidates(boxes, scores, settings)
    quick = _finish(boxes, candidates, settings, windows)
    complete = tf.reduce_all(exhausted | (quick.num >= settings.max_total_detections))
    return Selected(*tf.cond(complete, lambda: tuple(quick), lambda: tuple(thorough())))


def proposals(
    boxes: tf.Tensor,
    objectness: tf.Tensor,
    *,
    max_proposals: int,
    iou_threshold: float,
    score_threshold: float,
    windows: tf.Tensor,
    fill_with_dropped: bool = False,
) -> Selected:
    """The region proposals of Faster R-CNN: suppression without classes, in the boxes' own coordinates.

    boxes: float32 [B, A, 4], decoded. objectness: float32 [B, A], probability of being an object. max_proposals: rows
    of the result. iou_threshold, score_threshold, fill_with_dropped: as in `Settings`. windows: float32 [B, 4], the
    true extent of each image in the boxes' units.

    All classes are 0; boxes are clipped, not normalised.
    """
    settings = Settings(
        iou_threshold,
        score_threshold,
        max_proposals,
        max_proposals,
        change_coordinate_frame=False,
        fill_with_dropped=fill_with_dropped,
    )
    return multiclass(boxes[:, :, None, :], objectness[:, :, None], settings, windows)


class _Candidates(NamedTuple):
    """Suppression's survivors of B images, sorted by score, then class, then anchor: four tensors [B, K]."""

    scores: tf.Tensor
    classes: tf.Tensor
    anchors: tf.Tensor
    valid: tf.Tensor


def _per_class(boxes: tf.Tensor, scores: tf.Tensor, settings: Settings) -> _Candidates:
    """All survivors, by one suppression op per image and class."""
    batch, anchors = tf.unstack(tf.shape(scores)[:2])
    classes = scores.shape[2]
    by_class = tf.reshape(tf.transpose(scores, [0, 2, 1]), [batch * classes, anchors])
    per_class_boxes = tf.transpose(boxes, [0, 2, 1, 3])

    def suppress(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        box_class = index % classes if boxes.shape[2] != 1 else 0
        selected, kept, count = tf.raw_ops.NonMaxSuppressionV5(
            boxes=per_class_boxes[index // classes, box_class],
            scores=by_class[index],
            max_output_size=settings.max_detections_per_class,
            iou_threshold=settings.iou_threshold,
            score_threshold=settings.score_threshold,
            soft_nms_sigma=settings.soft_nms_sigma,
            pad_to_max_output_size=True,
        )
        return selected, tf.where(tf.range(settings.max_detections_per_class) < count, kept, kept.dtype.min)

    selected, kept = tf.map_fn(suppress, tf.range(batch * classes), fn_output_signature=(tf.int32, tf.float32))
    size = classes * settings.max_detections_per_class
    kept, order = tf.math.top_k(tf.reshape(kept, [batch, size]), size)
    return _Candidates(
        scores=kept,
        classes=order // settings.max_detections_per_class,
        anchors=tf.gather(tf.reshape(selected, [batch, size]), order, batch_dims=1),
        valid=kept > kept.dtype.min,
    )


def _best_candidates(boxes: tf.Tensor, scores: tf.Tensor, settings: Settings) -> tuple[_Candidates, tf.Tensor]:
    """The survivors among the best candidates, and, bool [B], whether no candidate of an image was left out."""
    batch, anchors = tf.unstack(tf.shape(scores)[:2])
    classes = scores.shape[2]
    total = anchors * classes
    # Class-major, as top_k breaks ties by position and the order wanted is score, class, anchor.
    flat = tf.reshape(tf.transpose(scores, [0, 2, 1]), [batch, total])
    count = tf.minimum(max(_CANDIDATES, 4 * settings.max_total_detections), total)
    best, position = tf.math.top_k(flat, count)
    eligible = best > settings.score_threshold
    box_class, anchor = position // anchors, position % anchors

    rank = tf.cast(tf.where(eligible, count - tf.range(count), 0), tf.float32)
    # The CPU kernel, wherever the rest runs, because it compares with the same arithmetic as the single-class op.
    with tf.device("/CPU:0"):
        _, survivors, _, num = tf.raw_ops.CombinedNonMaxSuppression(
            boxes=_boxes_of(boxes, anchor, box_class)[:, :, None, :],
            scores=tf.one_hot(box_class, classes) * rank[:, :, None],
            max_output_size_per_class=settings.max_detections_per_class,
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


def _boxes_of(boxes: tf.Tensor, anchors: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """The boxes [B, K, 4] of anchors and classes [B, K] out of [B, A, Q, 4]."""
    if boxes.shape[2] == 1:
        return tf.gather(boxes[:, :, 0], anchors, batch_dims=1)
    return tf.gather_nd(boxes, tf.stack([anchors, classes], axis=-1), batch_dims=1)


def _finish(boxes: tf.Tensor, found: _Candidates, settings: Settings, windows: tf.Tensor) -> Selected:
    """Clip the survivors, drop those without area, cut to the total and pad with zeros, or with those dropped."""
    clipped = geometry.clip_to_window(_boxes_of(boxes, found.anchors, found.classes), windows[:, None])
    # A score below 0 (possible without a score conversion) marks a dropped box in the OD API.
    keep = found.valid & (geometry.area(clipped) > 0) & (found.scores >= 0)
    size = tf.shape(keep)[1]
    rows = tf.minimum(settings.max_total_detections, size)
    last = size - tf.range(size)
    place, order = tf.math.top_k(tf.where(keep, size + last, last), rows)
    kept = place > size
    filled = tf.ones_like(kept) if settings.fill_with_dropped else kept
    if settings.change_coordinate_frame:
        clipped = geometry.change_frame(clipped, windows[:, None])

    def take(values: tf.Tensor) -> tf.Tensor:
        values = tf.gather(values, order, batch_dims=1)
        mask = tf.reshape(filled, tf.concat([tf.shape(filled), tf.ones([values.shape.rank - 2], tf.int32)], 0))
        values = tf.where(mask, values, tf.zeros([], values.dtype))
        padding = [[0, 0], [0, settings.max_total_detections - rows]] + [[0, 0]] * (values.shape.rank - 2)
        padded = tf.pad(values, padding)
        return tf.ensure_shape(padded, [boxes.shape[0], settings.max_total_detections, *values.shape[2:]])

    return Selected(
        boxes=take(clipped),
        scores=take(found.scores),
        classes=take(found.classes),
        anchors=take(found.anchors),
        num=tf.math.count_nonzero(kept, axis=1, dtype=tf.int32),
    )

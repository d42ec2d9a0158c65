"""Suppression from operations that other runtimes have, around the one standard operation `NonMaxSuppression`.

`boxes.nms.multiclass` needs a branch and operations that only TensorFlow has. `multiclass` here gives the same boxes,
order and ties as plain tensor operations, without branch or loop, for any batch. Only the suppression itself is left
open: it stands in the graph as a function of numpy (`NODE`), which a converter replaces with the operation of ONNX's
name. The inputs of the two are the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import tensorflow as tf

from boxwright.boxes import geometry, nms
from boxwright.boxes.nms import Selected, Settings

# The operation of TensorFlow's graph in place of the suppression.
NODE = "PyFunc"

# Candidates of an image that are suppressed first, as in `boxes.nms`.
_CANDIDATES = 1024


@contextmanager
def in_use() -> Iterator[None]:
    """A detector that is traced in this block suppresses by `multiclass` of this module, in all its stages."""
    with mock.patch.object(nms, "multiclass", multiclass):
        yield


def multiclass(
    boxes: tf.Tensor, scores: tf.Tensor, settings: Settings, windows: tf.Tensor, num_valid: tf.Tensor | None = None
) -> Selected:
    """Suppress the overlapping boxes of each image and class; arguments and result are those of `nms.multiclass`.

    The best candidates are suppressed first. Only where too few of them survive, all are: elsewhere the scores of that
    second suppression are too low for its threshold, so it costs nothing. Raises ValueError for soft suppression.
    """
    if settings.soft_nms_sigma > 0:
        raise ValueError("The standard operation has no soft suppression.")
    if num_valid is not None:
        real = tf.range(tf.shape(scores)[1]) < num_valid[:, None]
        scores = tf.where(real[:, :, None], scores, scores.dtype.min)
    windows = tf.broadcast_to(windows, [tf.shape(scores)[0], 4])
    if settings.use_class_agnostic_nms:
        return _class_agnostic(boxes, scores, settings, windows)

    batch = tf.shape(scores)[0]
    anchors = scores.shape[1] or boxes.shape[1] or tf.shape(scores)[1]
    classes, boxes_each = scores.shape[2], boxes.shape[2]
    total = anchors * classes
    # Class by class, as TopK decides ties by position, and the order wanted is score, class, anchor.
    by_class = tf.transpose(scores, [0, 2, 1])
    flat = tf.reshape(by_class, [batch, total])
    box_rows = anchors * boxes_each
    flat_boxes = tf.reshape(tf.transpose(boxes, [0, 2, 1, 3]), [batch, box_rows, 4])
    clipped = geometry.clip_to_window(flat_boxes, windows[:, None])
    # A row for each class of a set of boxes, beside which the areas stand once.
    rows = tf.reshape(by_class, [batch, classes // boxes_each, box_rows])
    has_area = geometry.area(clipped)[:, None] > 0
    usable = tf.reshape(tf.where(has_area & (rows >= 0), rows, -1.0), [batch, total])
    if settings.change_coordinate_frame:
        clipped = geometry.change_frame(clipped, windows[:, None])

    survives = tf.zeros_like(flat)
    most = max(_CANDIDATES, 4 * settings.max_total_detections)
    if classes > 1 and not (isinstance(total, int) and total <= most):
        best, place = _best(flat, most, settings.score_threshold)
        eligible = best > settings.score_threshold
        # Ranks in place of scores keep the order of equal scores.
        rank = tf.cast(tf.where(eligible, most - tf.range(most), 0), tf.float32)
        in_class = tf.range(classes)[:, None] == (place // anchors)[:, None, :]
        selected, valid = _selected(
            tf.gather(flat_boxes, place % box_rows, batch_dims=1),
            tf.where(in_class, rank[:, None, :], 0.0),
            settings,
            score_threshold=0.0,
        )
        image, candidate = selected[:, 0], selected[:, 2]
        quick = _marked(image, tf.gather_nd(place, tf.stack([image, candidate], axis=1)), valid, flat)
        found = tf.math.count_nonzero((quick > 0) & (usable >= 0), axis=1, dtype=tf.int32)
        complete = ~eligible[:, -1] | (found >= settings.max_total_detections)
        survives = tf.where(complete[:, None], quick, 0.0)
        by_class = tf.where(complete[:, None, None], settings.score_threshold, by_class)

    # One row for each set of boxes: the images, or all their classes if each has boxes of its own.
    sets, classes_each = batch * boxes_each, classes // boxes_each
    selected, valid = _selected(
        tf.reshape(flat_boxes, [sets, anchors, 4]),
        tf.reshape(by_class, [sets, classes_each, anchors]),
        settings,
        settings.score_threshold,
    )
    row = selected[:, 0] * classes_each + selected[:, 1]
    survives += _marked(row // classes, row % classes * anchors + selected[:, 2], valid, flat)

    best, place = _best(tf.where(survives > 0, usable, -1.0), settings.max_total_detections, -1.0)
    kept = best >= 0

    def finished(values: tf.Tensor) -> tf.Tensor:
        mask = kept[..., None] if values.shape.rank == 3 else kept
        values = tf.where(mask, values, tf.zeros([], values.dtype))
        return tf.ensure_shape(values, [boxes.shape[0], settings.max_total_detections, *values.shape[2:]])

    return Selected(
        boxes=finished(tf.gather(clipped, place % box_rows, batch_dims=1)),
        scores=finished(best),
        classes=finished(place // anchors),
        anchors=finished(place % anchors),
        num=tf.math.count_nonzero(kept, axis=1, dtype=tf.int32),
    )


def _class_agnostic(boxes: tf.Tensor, scores: tf.Tensor, settings: Settings, windows: tf.Tensor) -> Selected:
    """One suppression over each box's best class."""
    best_class = tf.argmax(scores, axis=2, output_type=tf.int32)
    if boxes.shape[2] != 1:
        boxes = tf.gather(boxes, best_class[:, :, None], batch_dims=2)
    settings = settings._replace(use_class_agnostic_nms=False, max_detections_per_class=settings.max_total_detections)
    found = multiclass(boxes, tf.reduce_max(scores, axis=2, keepdims=True), settings, windows)
    classes = tf.gather(best_class, found.anchors, batch_dims=1)
    real = tf.range(settings.max_total_detections) < found.num[:, None]
    return found._replace(classes=tf.where(real, classes, 0))


def _selected(
    boxes: tf.Tensor, scores: tf.Tensor, settings: Settings, score_threshold: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """The operation that is left open: boxes [S, A, 4] and scores [S, C, A] -> set, class, box of each survivor.

    Returns int32 [rows, 3], and bool [rows], which rows are real: where shapes are fixed, OpenVINO fills up with -1.
    """
    selected = tf.numpy_function(
        _not_here,
        [
            boxes,
            scores,
            tf.constant([settings.max_detections_per_class], tf.int64),
            tf.constant([settings.iou_threshold], tf.float32),
            tf.constant([score_threshold], tf.float32),
        ],
        tf.int64,
    )
    selected = tf.cast(tf.ensure_shape(selected, [None, 3]), tf.int32)
    return tf.maximum(selected, 0), selected[:, 0] >= 0


def _not_here(*_):
    raise NotImplementedError("This graph is for a converter, which replaces this node.")


def _marked(rows: tf.Tensor, columns: tf.Tensor, valid: tf.Tensor, flat: tf.Tensor) -> tf.Tensor:
    """float32 of the shape of `flat`, 1 at the places given that are valid, 0 elsewhere."""
    # The others go to one column more, since no two may go to one place.
    wider = tf.pad(flat, [[0, 0], [0, 1]])
    places = tf.stack([rows, tf.where(valid, columns, tf.shape(flat)[1])], axis=1)
    return tf.tensor_scatter_nd_update(tf.zeros_like(wider), places, tf.ones_like(rows, tf.float32))[:, :-1]


def _best(values: tf.Tensor, count: int, least: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The `count` highest of each row [B, N], and their places; the value `least` where there are too few."""
    # Numbers of rows that are computed are more than some converters can follow.
    if values.shape[1] is None or values.shape[1] < count:
        values = tf.pad(values, [[0, 0], [0, count]], constant_values=least)
    return tf.math.top_k(values, count)

"""Which annotated box each detection lies on: the step that VOC's metric, curves and error types share."""

import numpy as np

from boxwright.evaluation.data import Detections, GroundTruth


def best_overlap(truth: GroundTruth, detections: Detections) -> tuple[np.ndarray, np.ndarray]:
    """The annotated box of the same image and class with the largest intersection over union (IoU).

    Returns `(index, iou)`: int64 [D], a row of `truth` or -1 where the image has no box of the class, and float64 [D],
    0 there. Among equal overlaps the earlier row wins. Memory grows with the pairs of one image and class, not with
    boxes squared.
    """
    number = max(truth.classes.max(initial=0), detections.classes.max(initial=0)) + 1
    truth_key = truth.image * number + truth.classes
    order = np.argsort(truth_key, kind="stable")
    keys = truth_key[order]
    wanted = detections.image * number + detections.classes
    first = np.searchsorted(keys, wanted, side="left")
    count = np.searchsorted(keys, wanted, side="right") - first

    index = np.full(len(detections), -1, np.int64)
    best = np.zeros(len(detections))
    some = np.flatnonzero(count)
    if not len(some):
        return index, best
    starts = np.cumsum(count[some]) - count[some]
    row = np.repeat(some, count[some])
    candidate = order[np.repeat(first[some] - starts, count[some]) + np.arange(len(row))]
    overlap = iou(detections.boxes[row], truth.boxes[candidate])
    best[some] = np.maximum.reduceat(overlap, starts)
    # The first pair of each detection that reaches the maximum.
    hits = np.flatnonzero(overlap == best[row])
    reached, at = np.unique(row[hits], return_index=True)
    index[reached] = candidate[hits[at]]
    return index, best


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [N, 4] row by row, float64 [N]; 0 where both areas are zero."""
    top_left = np.maximum(first[:, :2], second[:, :2])
    bottom_right = np.minimum(first[:, 2:], second[:, 2:])
    intersection = np.prod(np.maximum(bottom_right - top_left, 0.0), axis=1)
    union = _area(first) + _area(second) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])

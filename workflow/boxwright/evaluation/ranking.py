"""Detections of a class ranked by score, and their average precision.

COCO's average precision at one IoU is the mean of the precision at the recalls 0, 0.01, ... 1, after each precision is
raised to the largest one at a higher recall (https://cocodataset.org/#detection-eval).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.overlaps import Matches

RECALLS = np.linspace(0.0, 1.0, 101)


class Ranking(NamedTuple):
    """The detections of one class that count, best score first: their `rows`, int64 [N], and `right`, bool [N].

    `objects` is the number of objects to find.
    """

    rows: np.ndarray
    right: np.ndarray
    objects: int

    @property
    def average_precision(self) -> float | None:
        """COCO's average precision, None if there is nothing to find."""
        if not self.objects:
            return None
        found = np.flatnonzero(self.right)
        true = np.arange(1, len(found) + 1)
        return float(average_precision(true, found + 1 - true, np.array(self.objects)))


def rankings(dataset: Dataset, detections: Detections, matches: Matches) -> dict[int, Ranking]:
    """Class id -> its ranking, for every class of the label map."""
    objects = np.bincount(dataset.truth.classes[~dataset.truth.crowd], minlength=max(dataset.class_names()) + 1)
    return {
        number: Ranking(rows, matches.right[rows], int(objects[number]))
        for number, rows in ranked(dataset, detections.classes, detections.scores, matches.counts)
    }


def ranked(
    dataset: Dataset, classes: np.ndarray, scores: np.ndarray, counts: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Each class id with the rows of its detections that count, best score first, then in their order."""
    order = np.lexsort((-scores, classes))
    order = order[counts[order]]
    in_order = classes[order]
    for number in dataset.class_names():
        yield number, order[slice(*np.searchsorted(in_order, [number, number + 1]))]


def joined(detections: Detections, rankings: Iterable[Ranking]) -> Ranking:
    """One ranking of the detections of several classes."""
    rows, right, objects = zip(*rankings, strict=True)
    rows, right = np.concatenate(rows), np.concatenate(right)
    order = np.argsort(-detections.scores[rows], kind="stable")
    return Ranking(rows[order], right[order], sum(objects))


def average_precision(true: np.ndarray, false: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """COCO's average precision of rankings, float64 [...].

    `true` and `false` [..., T] are the numbers of right and wrong detections up to each of the T right ones, best score
    first (precision has its peaks there, so no others matter); `objects` [...] > 0: the number of objects to find.
    """
    if not true.shape[-1]:
        return np.zeros(true.shape[:-1])
    precision = true / np.maximum(true + false, 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    # The number of recalls, of those where the curve is read, that each detection reaches first.
    reached = np.searchsorted(RECALLS, true / objects[..., None], side="right")
    first = np.diff(reached, axis=-1, prepend=0)
    return np.sum(envelope * first, axis=-1) / len(RECALLS)

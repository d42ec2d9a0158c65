"""Pascal VOC's average precision at IoU 0.5, as defined by VOC 2010 to 2012 and by VOC 2007.

Since 2010 it is the area under the precision-recall curve after each precision is raised to the largest one at a higher
recall (Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, IJCV 2015, section 2.2.2), which
is the OD API's metric. In 2007 it was the mean of that curve at the recalls 0, 0.1, ... 1 (Everingham et al., The
PASCAL Visual Object Classes Challenge, IJCV 2010, section 4.2). The OD API lacks that one; it is included under the
same names with "(VOC07)", for comparison with figures of that time.

A difficult box counts neither as an object to find nor, if it is detected, as a mistake; the same holds for a crowd
region, which VOC does not have, if the detection is on no box besides. IoU is computed without VOC's extra pixel, as in
the OD API.
"""

import numpy as np

from boxwright.evaluation import names
from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.overlaps import Pairs, best


def metrics(dataset: Dataset, detections: Detections, pairs: Pairs) -> tuple[dict[str, float | None], dict[str, str]]:
    """VOC AP@0.5 of every class and their mean, of 2010 and of 2007, by the OD API's names: `(metrics, undefined)`.

    `pairs` must hold all overlaps from 0.5 on.
    The AP of a class without a box that counts is None, with the reason in `undefined`, and left out of the mean.
    Class names are NFKD-normalised in metric names, as the OD API writes them.
    """
    truth = dataset.truth
    ignored = truth.difficult | truth.crowd
    same = truth.classes[pairs.truth] == detections.classes[pairs.detection]
    on_crowd = truth.crowd[pairs.truth]
    overlap, index = best(len(detections), pairs.where(same & ~on_crowd))
    matched = overlap >= 0.5
    # A detection on a difficult box does not count at all, nor does one on a crowd alone.
    counts = ~(matched & ignored[index])
    crowded, _ = best(len(detections), pairs.where(same & on_crowd))
    counts &= matched | (crowded < 0.5)
    order = np.argsort(-detections.scores, kind="stable")
    order = order[counts[order]]
    true = np.zeros(len(order), bool)
    hits = np.flatnonzero(matched[order])
    # If an object is detected several times, the best score is right, the others are mistakes.
    _, first = np.unique(index[order[hits]], return_index=True)
    true[hits[first]] = True

    ranked, objects, missing = {}, {}, {}
    for number, name in dataset.class_names().items():
        of_class = truth.classes == number
        ranked[name] = true[detections.classes[order] == number]
        objects[name] = int(np.count_nonzero(of_class & ~ignored))
        if not objects[name]:
            kind = "no box" if not of_class.any() else "no box but difficult ones and crowds"
            missing[name] = f"{kind} of class '{name}' in the evaluation images"

    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for mean, per_class, value in (
        (names.PASCAL_MEAN, names.PASCAL_PER_CLASS, average_precision),
        (names.PASCAL_MEAN_07, names.PASCAL_PER_CLASS_07, eleven_points),
    ):
        by_name = {name: value(right, objects[name]) if objects[name] else None for name, right in ranked.items()}
        defined = [number for number in by_name.values() if number is not None]
        values[mean] = float(np.mean(defined)) if defined else None
        if not defined:
            undefined[mean] = "every box in the evaluation images is difficult or a crowd"
        for name, number in by_name.items():
            metric = names.of_pascal_class(per_class, name)
            values[metric] = number
            if number is None:
                undefined[metric] = missing[name]
    return values, undefined


def average_precision(true: np.ndarray, objects: int) -> float:
    """Area under the interpolated precision-recall curve.

    `true` bool [D]: whether each detection, best score first, is right; `objects` > 0: how many there are to find.
    """
    # Recall rises by 1 / objects at each right detection and is constant elsewhere.
    return float(_envelope(true)[true].sum() / objects)


def eleven_points(true: np.ndarray, objects: int) -> float:
    """Mean of the interpolated precision at the recalls 0, 0.1, ... 1, 0 for a recall that is not reached."""
    envelope = np.append(_envelope(true), 0.0)
    # In whole numbers, so that a recall of 3 / 10 reaches 0.3.
    first = np.searchsorted(10 * np.cumsum(true), objects * np.arange(11))
    return float(envelope[first].mean())


def _envelope(true: np.ndarray) -> np.ndarray:
    """For each detection, the largest precision there or at a later one, float64 [D]."""
    precision = np.cumsum(true) / np.arange(1, len(true) + 1)
    return np.maximum.accumulate(precision[::-1])[::-1]

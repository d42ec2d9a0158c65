"""Pascal VOC's average precision at IoU 0.5, as VOC 2010 to 2012 define it, and as VOC 2007 does.

Since 2010 it is the area under the precision-recall curve after each precision is raised to the largest one at a higher
recall (Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, IJCV 2015, section 2.2.2), which
is the OD API's metric. In 2007 it was the mean of that curve at the recalls 0, 0.1, ... 1 (Everingham et al., The
PASCAL Visual Object Classes Challenge, IJCV 2010, section 4.2). The OD API lacks that; to compare with figures of the
time it stands here under the same names with "(VOC07)".

A box marked difficult is neither an object to find nor a mistake to have found, and so is a crowd region, which VOC
does not know. IoU is taken without VOC's extra pixel, as the OD API does.
"""

import numpy as np

from boxwright.evaluation import names
from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.overlaps import Pairs, best


def metrics(dataset: Dataset, detections: Detections, pairs: Pairs) -> tuple[dict[str, float | None], dict[str, str]]:
    """VOC AP@0.5 of every class and their mean, of 2010 and of 2007, by the OD API's names: `(metrics, undefined)`.

    `pairs` must hold all overlaps of 0.5 and more.
    A class without an annotated box that counts is None, with the reason in `undefined`, and left out of the mean.
    Class names are NFKD-normalised in metric names, as the OD API writes them.
    """
    truth = dataset.truth
    ignored = truth.difficult | truth.crowd
    same = truth.classes[pairs.truth] == detections.classes[pairs.detection]
    overlap, index = best(len(detections), pairs.where(same))
    matched = overlap >= 0.5
    # What lies on an ignored box is left out of the count altogether.
    counts = ~(matched & ignored[index])
    order = np.argsort(-detections.scores, kind="stable")
    order = order[counts[order]]
    true = np.zeros(len(order), bool)
    hits = np.flatnonzero(matched[order])
    # Of several detections of one object the best score is right, the others are mistakes.
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
    # Recall rises by 1 / objects at each right detection and stays elsewhere.
    return float(_envelope(true)[true].sum() / objects)


def eleven_points(true: np.ndarray, objects: int) -> float:
    """Mean of the interpolated precision at the recalls 0, 0.1, ... 1, 0 where one is not reached; see above."""
    envelope = np.append(_envelope(true), 0.0)
    # In whole numbers: a recall of 3 / 10 reaches 0.3.
    first = np.searchsorted(10 * np.cumsum(true), objects * np.arange(11))
    return float(envelope[first].mean())


def _envelope(true: np.ndarray) -> np.ndarray:
    """The largest precision at each detection or a later one, float64 [D]."""
    precision = np.cumsum(true) / np.arange(1, len(true) + 1)
    return np.maximum.accumulate(precision[::-1])[::-1]

"""Pascal VOC's average precision at IoU 0.5, as VOC 2010 to 2012 define it.

Area under the precision-recall curve after each precision is raised to the largest one at a higher recall
(Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, IJCV 2015, section 2.2.2). Not the
11-point mean of VOC 2007. A box marked difficult is neither an object to find nor a mistake to have found, and so is a
crowd region, which VOC does not know. IoU is taken without VOC's extra pixel, as the OD API does.
"""

import unicodedata

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.matching import best_overlap

MEAN = "PascalBoxes_Precision/mAP@0.5IOU"
PER_CLASS = "PascalBoxes_PerformanceByCategory/AP@0.5IOU/"


def metrics(dataset: Dataset, detections: Detections) -> tuple[dict[str, float | None], dict[str, str]]:
    """VOC AP@0.5 of every class and their mean, under the OD API's names: `(metrics, undefined)`.

    A class without an annotated box that counts is None, with the reason in `undefined`, and left out of the mean.
    Class names are NFKD-normalised in metric names, as the OD API writes them.
    """
    truth = dataset.truth
    ignored = truth.difficult | truth.crowd
    index, overlap = best_overlap(truth, detections)
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

    values: dict[str, float | None] = {MEAN: None}
    undefined: dict[str, str] = {}
    for number, name in dataset.class_names().items():
        metric = PER_CLASS + unicodedata.normalize("NFKD", name)
        of_class = truth.classes == number
        objects = int(np.count_nonzero(of_class & ~ignored))
        if objects:
            values[metric] = average_precision(true[detections.classes[order] == number], objects)
        else:
            values[metric] = None
            kind = "no box" if not of_class.any() else "no box but difficult ones and crowds"
            undefined[metric] = f"{kind} of class '{name}' in the evaluation images"
    defined = [value for name, value in values.items() if name != MEAN and value is not None]
    if defined:
        values[MEAN] = float(np.mean(defined))
    else:
        undefined[MEAN] = "every box in the evaluation images is difficult or a crowd"
    return values, undefined


def average_precision(true: np.ndarray, objects: int) -> float:
    """Area under the interpolated precision-recall curve.

    `true` bool [D]: whether each detection, best score first, is right; `objects` > 0: how many there are to find.
    """
    found = np.cumsum(true)
    precision = found / np.arange(1, len(true) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall rises by 1 / objects at each right detection and stays elsewhere.
    return float(envelope[true].sum() / objects)

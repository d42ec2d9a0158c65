"""The confusion matrix: which class is detected as which."""

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.overlaps import IOU_THRESHOLD, Matches, Pairs, take

BACKGROUND = "background"


def confusion(dataset: Dataset, detections: Detections, pairs: Pairs, matches: Matches, among: np.ndarray) -> dict:
    """`{labels, matrix}` of the detections `among` (bool [D]): rows are annotated classes, columns detected ones.

    The diagonal holds the detections that are right by COCO's matching. The others are matched across classes, best
    score first, with boxes that they overlap by at least `IOU_THRESHOLD`. The rest is in the last row (detected,
    nothing there) and the last column (annotated, not detected). So the sum of a row is the number of boxes without
    crowds, and the sum of a column is the number of detections that count. `pairs` must hold all overlaps
    from `IOU_THRESHOLD` on.
    """
    truth = dataset.truth
    numbers = np.array(list(dataset.class_names()))
    background = len(numbers)
    rank = np.empty(len(detections), np.int64)
    rank[np.argsort(-detections.scores, kind="stable")] = np.arange(len(detections))
    wrong, missed = matches.wrong & among, matches.missed(truth, among)
    left = pairs.where((pairs.overlap >= IOU_THRESHOLD) & wrong[pairs.detection] & missed[pairs.truth])
    found = np.where(matches.right, matches.found, take(len(detections), left, rank))

    counted = np.flatnonzero(among & matches.counts)
    column = np.searchsorted(numbers, detections.classes[counted])
    row = np.full(len(counted), background)
    on_box = found[counted] >= 0
    row[on_box] = np.searchsorted(numbers, truth.classes[found[counted][on_box]])
    matrix = np.zeros((background + 1, background + 1), np.int64)
    np.add.at(matrix, (row, column), 1)
    nowhere = missed.copy()
    nowhere[found[counted][on_box]] = False
    np.add.at(matrix[:, background], np.searchsorted(numbers, truth.classes[nowhere]), 1)
    return {"labels": [*dataset.class_names().values(), BACKGROUND], "matrix": matrix.tolist()}

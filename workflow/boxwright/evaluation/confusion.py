"""The confusion matrix: which class is detected as which. It adds up to the kinds of mistakes."""

from typing import Any

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.error_types import KINDS, Mistakes
from boxwright.evaluation.overlaps import Matches

BACKGROUND = "background"
# The kinds of wrong detections that lie on no object of another class.
_NOWHERE = ("localisation", "both", "duplicate", "background")


def confusion(
    dataset: Dataset, detections: Detections, mistakes: Mistakes, matches: Matches, among: np.ndarray
) -> dict[str, Any]:
    """`{labels, matrix, nowhere, unseen}` of the detections `among` (bool [D]), whose mistakes are `mistakes`.

    Rows of `matrix` are annotated classes, columns detected ones, and `background` is the last of both:

    - the diagonal holds the detections that are right by COCO's matching;
    - off it, a detection lies on an object of another class (the kind `classification`), whether or not another
      detection found that object;
    - the last row holds all other wrong detections. `nowhere` splits it by kind of mistake, a number for each class;
    - the last column holds the boxes that no detection found or took for another class, crowds left out. `unseen`
      splits it into those near which a detection of their class is (`localisation`) and the others (`missed`).

    So the sum of a class's column is the number of its detections that count.
    """
    truth = dataset.truth
    numbers = np.array(list(dataset.class_names()))
    size = len(numbers)
    detected, annotated = np.searchsorted(numbers, detections.classes), np.searchsorted(numbers, truth.classes)
    matrix = np.zeros((size + 1, size + 1), np.int64)

    def count(rows: np.ndarray, of: np.ndarray) -> np.ndarray:
        """How many of `rows` (bool) each class has."""
        return np.bincount(of[rows], minlength=size)

    right = among & matches.right
    matrix[np.arange(size), np.arange(size)] = count(right, detected)
    confused = mistakes.kind == KINDS.index("classification")
    np.add.at(matrix, (annotated[mistakes.box[confused]], detected[confused]), 1)
    nowhere = {kind: count(mistakes.kind == KINDS.index(kind), detected) for kind in _NOWHERE}

    unseen = matches.missed(truth, among)
    unseen[mistakes.box[confused]] = False
    seen_near = unseen & ~mistakes.missed
    columns = {"localisation": count(seen_near, annotated), "missed": count(mistakes.missed, annotated)}
    matrix[size, :size] = sum(nowhere.values())
    matrix[:size, size] = sum(columns.values())
    return {
        "labels": [*dataset.class_names().values(), BACKGROUND],
        "matrix": matrix.tolist(),
        "nowhere": {kind: counts.tolist() for kind, counts in nowhere.items()},
        "unseen": {kind: counts.tolist() for kind, counts in columns.items()},
    }

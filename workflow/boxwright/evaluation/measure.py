"""Everything computed from detections and ground truth: metrics, their analysis, precision-recall curves."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from boxwright.evaluation import coco, error_types, overlaps, pascal
from boxwright.evaluation.analysis import analyse
from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.ranking import Ranking, rankings


class Measured(NamedTuple):
    """The results of a measurement.

    `metrics` by the OD API's names, None where undefined, with the reasons in `undefined`; `analysis` is the content of
    analysis.json; `curves` are the results of `precision_recall` by class name, for classes that have boxes.
    """

    metrics: Mapping[str, float | None]
    undefined: Mapping[str, str]
    analysis: Mapping[str, Any]
    curves: Mapping[str, np.ndarray]


def measure(dataset: Dataset, detections: Detections, score_threshold: float = 0.5) -> Measured:
    """Measure the detections; those of classes outside the label map are ignored.

    `score_threshold` is the lowest score of a shown detection, for the numbers that depend on it.
    """
    detections = detections.where(np.isin(detections.classes, list(dataset.class_names())))
    pairs = overlaps.overlapping(dataset.truth, detections, error_types.NEAR)
    evaluated = coco.evaluate(dataset, detections.where(overlaps.that_matter(dataset.truth, detections, pairs)))
    of_coco, coco_reasons = coco.metrics(dataset, evaluated)
    of_pascal, pascal_reasons = pascal.metrics(dataset, detections, pairs)
    matches = overlaps.match(dataset.truth, detections, pairs)
    ranked = rankings(dataset, detections, matches)
    return Measured(
        of_coco | of_pascal,
        coco_reasons | pascal_reasons,
        analyse(dataset, detections, evaluated, pairs, matches, ranked, score_threshold),
        {
            name: precision_recall(ranked[number], detections.scores)
            for number, name in dataset.class_names().items()
            if ranked[number].objects
        },
    )


THRESHOLDS = np.linspace(0.0, 1.0, 101)


def precision_recall(ranking: Ranking, scores: np.ndarray) -> np.ndarray:
    """The data of a precision-recall curve for TensorBoard, float64 [6, 101].

    The rows are right, wrong, true negatives (0, because detection has none), missed, precision and recall, each at the
    score thresholds 0, 0.01, ... 1. `scores` belong to all detections. Without detections the precision is 1, the
    beginning of the curve.
    """
    found = np.concatenate([[0], np.cumsum(ranking.right)])
    detected = np.searchsorted(-scores[ranking.rows], -THRESHOLDS, side="right")
    right = found[detected]
    precision = np.divide(right, detected, out=np.ones(len(THRESHOLDS)), where=detected > 0)
    missed = ranking.objects - right
    return np.stack([right, detected - right, np.zeros_like(right), missed, precision, right / ranking.objects])

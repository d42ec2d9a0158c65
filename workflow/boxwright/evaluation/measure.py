"""All that is computed from detections and ground truth: metrics, the analysis behind them, ranked detections."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from boxwright.evaluation import coco, error_types, overlaps, pascal
from boxwright.evaluation.analysis import analyse
from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.ranking import Ranking, rankings


class Measured(NamedTuple):
    """`metrics` by the OD API's names, None where undefined, with the reasons in `undefined`; `analysis` is the content
    of analysis.json; `curves` are those of `precision_recall` by class name, of classes that have boxes.
    """

    metrics: Mapping[str, float | None]
    undefined: Mapping[str, str]
    analysis: Mapping[str, Any]
    curves: Mapping[str, np.ndarray]


def measure(dataset: Dataset, detections: Detections, score_threshold: float = 0.5) -> Measured:
    """Measure the detections; those of classes that the label map does not have are left out.

    `score_threshold` is the score from which a detection is shown, for the numbers that depend on one.
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
    """What TensorBoard draws a precision-recall curve from, float64 [6, 101]: right, wrong, truly negative (0, which
    detection does not know), missed, precision and recall, each at the score thresholds 0, 0.01, ... 1.

    `scores` are those of all detections. Where nothing is detected the precision is 1, where the curve begins.
    """
    found = np.concatenate([[0], np.cumsum(ranking.right)])
    detected = np.searchsorted(-scores[ranking.rows], -THRESHOLDS, side="right")
    right = found[detected]
    precision = np.divide(right, detected, out=np.ones(len(THRESHOLDS)), where=detected > 0)
    missed = ranking.objects - right
    return np.stack([right, detected - right, np.zeros_like(right), missed, precision, right / ranking.objects])

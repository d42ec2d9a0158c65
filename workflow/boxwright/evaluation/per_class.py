"""How well each class is found: average precision, precision, recall and F1 at a score, and what its scores mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from boxwright.core.least import IMAGES_TO_MEASURE
from boxwright.evaluation import calibration
from boxwright.evaluation.coco import Evaluated
from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.interval import Ends, images_with
from boxwright.evaluation.ranking import RECALLS, Ranking

_DIGITS = 6


def per_class(
    dataset: Dataset,
    detections: Detections,
    evaluated: Evaluated,
    rankings: Mapping[int, Ranking],
    score_threshold: float,
    calibrated: np.ndarray,
    intervals: Sequence[Ends | None],
) -> list[dict[str, Any]]:
    """One mapping for each class of the label map, by id.

    `calibrated` [D] is from `calibration.by_halves`, `intervals` of the classes from `interval.intervals`.

    `images` and `boxes` count annotations without crowds; `detections` counts the detections from `score_threshold` on
    that are right or wrong. AP, AP50 and AR are COCO's; `AP50_interval` is {low, high}
    at `interval.LEVEL`; `precision`, `recall` and `f1` are for `score_threshold` and
    IoU 0.5; `best_threshold` is the score with the largest F1 (the highest if several are equal). `curve` is COCO's
    precision-recall curve at IoU 0.5: {recall, precision, score}, 101 numbers each, precision and score 0 where the
    recall is not reached. `scores` says what the scores mean, see `calibration.meaning`. An undefined value is None,
    with the reason under its key in `undefined`.
    """
    truth = dataset.truth
    rows = []
    for column, (number, name) in enumerate(dataset.class_names().items()):
        ranking = rankings[number]
        scores = detections.scores[ranking.rows]
        shown = int(np.count_nonzero(scores >= score_threshold))
        right = int(np.count_nonzero(ranking.right[:shown]))
        best, f1 = best_threshold(ranking, scores)
        values = {
            **evaluated.of_class(column),
            "AP50_interval": dict(zip(("low", "high"), ends, strict=True)) if (ends := intervals[column]) else None,
            "precision": _ratio(right, shown),
            "recall": _ratio(right, ranking.objects),
            "f1": _ratio(2 * right, shown + ranking.objects),
            "best_threshold": best,
            "best_f1": f1,
            "curve": _curve(evaluated, column) if ranking.objects else None,
        }
        counts = {
            "images": images_with(dataset, number),
            "boxes": ranking.objects,
            "detections": shown,
        }
        kind = "no box but crowds" if (truth.classes == number).any() else "no box"
        nothing = f"{kind} of class '{name}' in the evaluation images"
        undefined = {
            key: _reason(key, name, nothing, ranking, score_threshold) for key, value in values.items() if value is None
        }
        meaning = calibration.meaning(ranking, detections, calibrated)
        rows.append({"id": number, "name": name, **counts, **values, "undefined": undefined, "scores": meaning})
    return rows


def best_threshold(ranking: Ranking, scores: np.ndarray) -> tuple[float | None, float | None]:
    """The score threshold with the largest F1, and that F1; None for both if no detection is right at any score.

    `scores` [N] belong to the ranking.
    """
    if not ranking.objects or not ranking.right.any():
        return None, None
    f1 = 2 * np.cumsum(ranking.right) / (np.arange(1, len(scores) + 1) + ranking.objects)
    # A threshold keeps all detections of the same score or none.
    f1[:-1][scores[1:] == scores[:-1]] = 0
    at = int(np.argmax(f1))
    return float(scores[at]), float(f1[at])


def _curve(evaluated: Evaluated, column: int) -> dict[str, list[float]]:
    precision, score = (values[0, :, column, 0, -1] for values in (evaluated.precision, evaluated.scores))
    parts = {"recall": RECALLS, "precision": precision, "score": score}
    return {key: np.round(values, _DIGITS).tolist() for key, values in parts.items()}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _reason(key: str, name: str, nothing: str, ranking: Ranking, score_threshold: float) -> str:
    if key == "AP50_interval" and ranking.objects:
        return f"an interval needs at least {IMAGES_TO_MEASURE} images with class '{name}'"
    if key == "precision":
        return f"no detection of class '{name}' has a score of {score_threshold:g} or more"
    if key == "f1":
        return f"{nothing}, and none detected"
    return f"no detection of class '{name}' is right" if ranking.objects else nothing

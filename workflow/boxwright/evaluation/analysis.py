"""Where a detector is wrong: the content of analysis.json, which complements the numbers of metrics.json."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.core.files import write_json
from boxwright.core.least import IMAGES_TO_MEASURE, NO_INTERVAL
from boxwright.evaluation import calibration, coco, error_types, names, overlaps
from boxwright.evaluation.confusion import confusion
from boxwright.evaluation.data import Dataset, Detections, xywh
from boxwright.evaluation.interval import LEVEL, RESAMPLES, intervals
from boxwright.evaluation.per_class import per_class
from boxwright.evaluation.ranking import Ranking, joined


def analyse(
    dataset: Dataset,
    detections: Detections,
    evaluated: coco.Evaluated,
    pairs: overlaps.Pairs,
    matches: overlaps.Matches,
    rankings: Mapping[int, Ranking],
    score_threshold: float,
) -> dict[str, Any]:
    """The content of analysis.json; `pairs` must hold all overlaps from `error_types.NEAR` on.

    Everything uses COCO's matching at IoU 0.5: crowds count neither as missed nor as wrong, VOC's difficult boxes count
    like any others, and an image without boxes can only have wrong detections.

    - `score_threshold`, `iou_threshold`
    - `interval`: {metric, level, low, high, resamples, few} of the mAP@.50IOU, or None with `interval_reason`. The
      images are drawn with a fixed seed, so different detectors are measured on the same draws. `few` names the classes
      on too few images, for which the interval allows any average precision.
    - `classes`: see `per_class.per_class`
    - `scores`: what the scores of all classes that have boxes mean together, see `calibration.meaning`
    - `confusion`: at `score_threshold`, see `confusion.confusion`
    - `errors`: {kind, count, cost} for each of `error_types.KINDS`. `count` is at `score_threshold` (so the first five
      add up to all wrong detections), `cost` the mAP@.50IOU gained by correcting all mistakes of the kind, whatever
      their score (None if there is no box to find)
    - `images`: {name, image_id, boxes, correct, wrong, missed, f1, missed_boxes} for every image at `score_threshold`;
      f1 is None if there is neither a box nor a detection; missed_boxes are {bbox, category_id}, as COCO has them
    """
    shown = detections.scores >= score_threshold
    all_of_them = np.ones(len(detections), bool)
    mistakes = error_types.mistakes(dataset, detections, pairs, matches, all_of_them)
    cost = error_types.costs(dataset, detections, matches, mistakes, rankings)
    shown_mistakes = error_types.mistakes(dataset, detections, pairs, matches, shown)
    count = shown_mistakes.counts()
    judged = [ranking for ranking in rankings.values() if ranking.objects] or list(rankings.values())
    calibrated = calibration.by_halves(len(dataset.images), detections, rankings)
    found = intervals(dataset, detections, rankings.values())
    classes = per_class(dataset, detections, evaluated, rankings, score_threshold, calibrated, found.classes)
    return {
        "score_threshold": score_threshold,
        "iou_threshold": overlaps.IOU_THRESHOLD,
        **_interval(found.mean, [one["name"] for one in classes if 0 < one["images"] < IMAGES_TO_MEASURE]),
        "classes": classes,
        "scores": calibration.meaning(joined(detections, judged), detections, calibrated),
        "confusion": confusion(dataset, detections, shown_mistakes, matches, shown),
        "errors": [{"kind": kind, "count": count[kind], "cost": cost[kind]} for kind in error_types.KINDS],
        "images": per_image(dataset, detections, matches, shown),
    }


def per_image(
    dataset: Dataset, detections: Detections, matches: overlaps.Matches, among: np.ndarray
) -> list[dict[str, Any]]:
    """For every image: boxes without crowds, correct, wrong and missed ones, and F1, for the detections `among`."""
    truth, unseen = dataset.truth, matches.missed(dataset.truth, among)
    missed = defaultdict(list)
    places = zip(truth.image[unseen], xywh(truth.boxes[unseen]).tolist(), truth.classes[unseen].tolist(), strict=True)
    for image, box, number in places:
        missed[image].append({"bbox": box, "category_id": number})
    count = len(dataset.images)
    boxes = np.bincount(dataset.truth.image[~dataset.truth.crowd], minlength=count)
    correct = np.bincount(detections.image[among & matches.right], minlength=count)
    wrong = np.bincount(detections.image[among & matches.wrong], minlength=count)
    rows = zip(dataset.images.names, boxes.tolist(), correct.tolist(), wrong.tolist(), strict=True)
    return [
        {
            "name": name,
            "image_id": number,
            "boxes": own,
            "correct": right,
            "wrong": false,
            "missed": own - right,
            "f1": 2 * right / (own + right + false) if own + right + false else None,
            "missed_boxes": missed[number - 1],
        }
        for number, (name, own, right, false) in enumerate(rows, start=1)
    ]


def write(path: str | Path, analysis: dict[str, Any]) -> None:
    """Write analysis.json."""
    write_json(path, analysis, indent=None)


def _interval(ends: tuple[float, float] | None, few: list[str]) -> dict[str, Any]:
    if ends is None:
        return {"interval": None, "interval_reason": NO_INTERVAL}
    low, high = ends
    about = {"metric": f"{names.PRECISION}mAP@.50IOU", "level": LEVEL, "resamples": RESAMPLES}
    return {"interval": {**about, "low": low, "high": high, "few": few}}

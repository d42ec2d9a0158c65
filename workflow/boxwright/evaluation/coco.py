"""COCO's detection metrics through faster-coco-eval, and COCO's two file formats.

The twelve numbers of https://cocodataset.org/#detection-eval under the OD API's names, and the average precision of
each class. COCO does not know VOC's `difficult`: such a box counts like any other, as in the OD API.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from faster_coco_eval import COCOeval_faster

from boxwright.core.files import writing
from boxwright.evaluation import names
from boxwright.evaluation.data import AnnotatedBoxes, Dataset, Detections, xywh

_PER_CLASS = ((names.PER_CLASS, "AP"), (names.PER_CLASS_50, "AP50"), (names.PER_CLASS_AR, "AR"))
_SIZES = {
    "small": " of at most 32 x 32 pixels",
    "medium": " between 32 x 32 and 96 x 96 pixels",
    "large": " of at least 96 x 96 pixels",
}

# Boxes that are converted to Python numbers at a time while a file is written.
_AT_ONCE = 1000


class Evaluated(NamedTuple):
    """The results that COCO's tools accumulate: `precision` and `scores` [T, 101, K, 4, 3], `recall` [T, K, 4, 3].

    The axes are T IoU thresholds, 101 recalls, K classes by id, the area ranges all, small, medium, large, and 1, 10,
    100 detections per image. Values are -1 where there is no ground truth; `settings` are COCO's parameters.
    """

    precision: np.ndarray
    recall: np.ndarray
    scores: np.ndarray
    settings: Any

    def of_class(self, column: int) -> dict[str, float | None]:
        """AP, AP at IoU 0.5 and AR of the class in `column`."""
        precision = self.precision[:, :, column, 0, -1]
        return {"AP": _mean(precision), "AP50": _mean(precision[:1]), "AR": _mean(self.recall[:, column, 0, -1])}


def metrics(dataset: Dataset, evaluated: Evaluated) -> tuple[dict[str, float | None], dict[str, str]]:
    """The twelve COCO numbers, and AP, AP at IoU 0.5 and AR per class: `(metrics, undefined)`.

    A metric without ground truth is None, with the reason in `undefined` (COCO's tools print -1 there).
    """
    precision, recall, _, settings = evaluated
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    boxes = dataset.boxes_per_class().values()
    kind = "no box but crowds" if dataset.truth.crowd.any() else "no box"
    for name, of_precision, threshold, area, limit in names.COCO_NUMBERS:
        at = slice(None) if threshold is None else np.flatnonzero(np.isclose(settings.iouThrs, threshold))
        where = (..., settings.areaRngLbl.index(area), settings.maxDets.index(limit))
        values[name] = _mean((precision if of_precision else recall)[at][where])
        if values[name] is None:
            undefined[name] = f"{kind}{_SIZES.get(area, '')} in the evaluation images"
    for column, (name, count) in enumerate(zip(dataset.class_names().values(), boxes, strict=True)):
        kind = "no box but crowds" if count else "no box"
        of_class = evaluated.of_class(column)
        for prefix, number in _PER_CLASS:
            values[prefix + name] = of_class[number]
            if of_class[number] is None:
                undefined[prefix + name] = f"{kind} of class '{name}' in the evaluation images"
    return values, undefined


def evaluate(dataset: Dataset, detections: Detections) -> Evaluated:
    """COCO's evaluation of detections whose classes are all in the label map."""
    evaluation = _Evaluation(dataset, detections)
    evaluation.evaluate()
    evaluation.accumulate()
    return Evaluated(*(evaluation.eval[key] for key in ("precision", "recall", "scores")), evaluation.params)


def ground_truth(dataset: Dataset) -> dict[str, Iterator[dict]]:
    """The ground truth in COCO's format: iterators over categories, images and annotations.

    Ids count from 1 in the order of the records.
    """
    return {
        "categories": ({"id": number, "name": name} for number, name in dataset.class_names().items()),
        "images": _images(dataset),
        "annotations": _annotations(dataset),
    }


def _images(dataset: Dataset) -> Iterator[dict]:
    images = dataset.images
    for number, (name, width, height) in enumerate(zip(images.names, images.widths, images.heights, strict=True), 1):
        yield {"id": number, "file_name": name, "width": int(width), "height": int(height)}


def _annotations(dataset: Dataset) -> Iterator[dict]:
    truth = dataset.truth
    for start in range(0, len(truth), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        columns = (truth.image, truth.classes, truth.areas, truth.crowd, truth.difficult)
        rows = zip(xywh(truth.boxes[part]).tolist(), *(column[part].tolist() for column in columns), strict=True)
        for number, (box, image, category, area, crowd, difficult) in enumerate(rows, start + 1):
            yield {
                "id": number,
                "image_id": image + 1,
                "category_id": category,
                "bbox": box,
                "area": area,
                "iscrowd": int(crowd),
                "difficult": int(difficult),
            }


def results(detections: Detections) -> list[dict]:
    """Detections in COCO's results format, bbox `[x, y, width, height]` in pixels."""
    rows = zip(
        detections.image.tolist(),
        detections.classes.tolist(),
        xywh(detections.boxes).tolist(),
        detections.scores.tolist(),
        strict=True,
    )
    return [
        {"image_id": image + 1, "category_id": category, "bbox": box, "score": score}
        for image, category, box, score in rows
    ]


def write_ground_truth(path: str | Path, dataset: Dataset) -> None:
    """Write COCO's ground truth file, one image or box per line."""
    with writing(path, "w") as file:
        file.write('{\n"info": ' + json.dumps({"description": "ground truth of the evaluation records"}))
        for key, items in ground_truth(dataset).items():
            file.write(f',\n"{key}": ')
            _write_lines(file, items)
        file.write("\n}\n")


def write_results(path: str | Path, detections: Detections) -> None:
    """Write COCO's results file, one detection per line."""
    with writing(path, "w") as file:
        _write_lines(file, results(detections))
        file.write("\n")


def _write_lines(file: IO[str], items: Iterable[dict]) -> None:
    before = "[\n"
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    for item in items:
        file.write(before + encode(item))
        before = ",\n"
    file.write("\n]" if before == ",\n" else "[\n]")


class _Evaluation(COCOeval_faster):
    """The library's evaluation, filled from arrays: its own way, through COCO objects, takes half of the total time."""

    def __init__(self, dataset: Dataset, detections: Detections) -> None:
        super().__init__(None, None, "bbox")
        self._dataset, self._detections = dataset, detections
        self.params.imgIds = list(range(1, len(dataset.images) + 1))
        self.params.catIds = list(dataset.class_names())

    def _prepare(self) -> None:
        truth, found = self._dataset.truth, self._detections
        truth_pairs = _append(
            self.gt_dataset, truth, {"area": truth.areas, "iscrowd": truth.crowd, "ignore": truth.crowd}
        )
        areas = np.prod(xywh(found.boxes)[:, 2:], axis=1)
        no = np.zeros(len(found), bool)
        found_pairs = _append(
            self.dt_dataset, found, {"area": areas, "iscrowd": no, "ignore": no, "score": found.scores}
        )
        # Only these pairs of image and class are compared box by box.
        self._nonempty_iou_pairs = truth_pairs & found_pairs


def _append(dataset: Any, rows: AnnotatedBoxes | Detections, columns: Mapping[str, np.ndarray]) -> set[tuple[int, int]]:
    """Pass some boxes to the library one by one; return their pairs of image id and class id."""
    images, classes = (rows.image + 1).tolist(), rows.classes.tolist()
    values = [(column.astype(int) if column.dtype == bool else column).tolist() for column in columns.values()]
    keys = ("id", "bbox", *columns)
    for image, number, *fields in zip(
        images, classes, range(1, len(rows) + 1), xywh(rows.boxes).tolist(), *values, strict=True
    ):
        dataset.append_ref(image, number, dict(zip(keys, fields, strict=True)))
    return set(zip(images, classes, strict=True))


def _mean(values: np.ndarray) -> float | None:
    """The mean over the defined values; faster-coco-eval marks a class without ground truth with -1."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else None

"""COCO's detection metrics through faster-coco-eval, and COCO's two file formats.

The twelve numbers of https://cocodataset.org/#detection-eval under the OD API's names, and the average precision of
each class. VOC's `difficult` has no meaning in COCO: such a box counts like any other, as in the OD API.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from boxwright.evaluation.data import DECIMALS, Dataset, Detections
from boxwright.files import writing

PRECISION = "DetectionBoxes_Precision/"
RECALL = "DetectionBoxes_Recall/"
PER_CLASS = "DetectionBoxes_PerformanceByCategory/mAP/"

# Name, whether it reads precision (else recall), IoU threshold (None: mean over .50:.05:.95), area range, detections
# per image.
NUMBERS = (
    (PRECISION + "mAP", True, None, "all", 100),
    (PRECISION + "mAP@.50IOU", True, 0.5, "all", 100),
    (PRECISION + "mAP@.75IOU", True, 0.75, "all", 100),
    (PRECISION + "mAP (small)", True, None, "small", 100),
    (PRECISION + "mAP (medium)", True, None, "medium", 100),
    (PRECISION + "mAP (large)", True, None, "large", 100),
    (RECALL + "AR@1", False, None, "all", 1),
    (RECALL + "AR@10", False, None, "all", 10),
    (RECALL + "AR@100", False, None, "all", 100),
    (RECALL + "AR@100 (small)", False, None, "small", 100),
    (RECALL + "AR@100 (medium)", False, None, "medium", 100),
    (RECALL + "AR@100 (large)", False, None, "large", 100),
)
_SIZES = {
    "small": " of at most 32 x 32 pixels",
    "medium": " between 32 x 32 and 96 x 96 pixels",
    "large": " of at least 96 x 96 pixels",
}


def metrics(dataset: Dataset, detections: Detections) -> tuple[dict[str, float | None], dict[str, str]]:
    """The twelve COCO numbers and AP per class: `(metrics, undefined)`.

    What has no ground truth is None, with the reason in `undefined` (COCO's tools print -1 there).
    """
    evaluation = _evaluate(dataset, detections)
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    settings = evaluation.params
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    boxes = dataset.boxes_per_class().values()
    kind = "no box but crowds" if dataset.truth.crowd.any() else "no box"
    for name, of_precision, threshold, area, limit in NUMBERS:
        at = slice(None) if threshold is None else np.flatnonzero(np.isclose(settings.iouThrs, threshold))
        where = (..., settings.areaRngLbl.index(area), settings.maxDets.index(limit))
        values[name] = _mean((precision if of_precision else recall)[at][where])
        if values[name] is None:
            undefined[name] = f"{kind}{_SIZES.get(area, '')} in the evaluation images"
    for column, (name, count) in enumerate(zip(dataset.class_names().values(), boxes, strict=True)):
        values[PER_CLASS + name] = _mean(precision[:, :, column, 0, -1])
        if values[PER_CLASS + name] is None:
            kind = "no box but crowds" if count else "no box"
            undefined[PER_CLASS + name] = f"{kind} of class '{name}' in the evaluation images"
    return values, undefined


def ground_truth(dataset: Dataset) -> dict:
    """The ground truth in COCO's format: images, annotations, categories; ids from 1 in the order of the records."""
    images, truth = dataset.images, dataset.truth
    sizes = zip(images.names, images.widths.tolist(), images.heights.tolist(), strict=True)
    rows = zip(
        truth.image.tolist(),
        truth.classes.tolist(),
        _xywh(truth.boxes).tolist(),
        truth.areas.tolist(),
        truth.crowd.tolist(),
        truth.difficult.tolist(),
        strict=True,
    )
    return {
        "info": {"description": "ground truth of the evaluation records"},
        "images": [
            {"id": number, "file_name": name, "width": width, "height": height}
            for number, (name, width, height) in enumerate(sizes, start=1)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": image + 1,
                "category_id": category,
                "bbox": box,
                "area": area,
                "iscrowd": int(crowd),
                "difficult": int(difficult),
            }
            for number, (image, category, box, area, crowd, difficult) in enumerate(rows, start=1)
        ],
        "categories": [{"id": number, "name": name} for number, name in dataset.class_names().items()],
    }


def results(detections: Detections) -> list[dict]:
    """Detections in COCO's results format, bbox `[x, y, width, height]` in pixels."""
    rows = zip(
        detections.image.tolist(),
        detections.classes.tolist(),
        _xywh(detections.boxes).tolist(),
        detections.scores.tolist(),
        strict=True,
    )
    return [
        {"image_id": image + 1, "category_id": category, "bbox": box, "score": score}
        for image, category, box, score in rows
    ]


def write_ground_truth(path: str | Path, dataset: Dataset) -> None:
    """Write COCO's ground truth file, one image or box a line."""
    parts = ground_truth(dataset)
    with writing(path, "w") as file:
        file.write('{\n"info": ' + json.dumps(parts["info"]))
        for key in ("categories", "images", "annotations"):
            file.write(f',\n"{key}": ')
            _write_lines(file, parts[key])
        file.write("\n}\n")


def write_results(path: str | Path, detections: Detections) -> None:
    """Write COCO's results file, one detection a line."""
    with writing(path, "w") as file:
        _write_lines(file, results(detections))
        file.write("\n")


def _write_lines(file, items: Iterable[dict]) -> None:
    lines = (json.dumps(item, ensure_ascii=False, allow_nan=False) for item in items)
    file.write("[" + ",".join("\n" + line for line in lines) + "\n]")


def _evaluate(dataset: Dataset, detections: Detections) -> COCOeval_faster:
    truth = COCO(ground_truth(dataset))
    found = COCO()
    found.dataset = {key: truth.dataset[key] for key in ("images", "categories")}
    found.dataset["annotations"] = [
        {**row, "id": number, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0}
        for number, row in enumerate(results(detections), start=1)
    ]
    found.createIndex()
    evaluation = COCOeval_faster(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def _xywh(boxes: np.ndarray) -> np.ndarray:
    ymin, xmin, ymax, xmax = boxes.T
    return np.round(np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1), DECIMALS)


def _mean(values: np.ndarray) -> float | None:
    """The mean over what is defined; faster-coco-eval marks a class without ground truth by -1."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else None

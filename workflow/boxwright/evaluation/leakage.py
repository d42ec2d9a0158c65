"""The metrics of a checkpoint without the evaluation images that show the same as a training image.

A detector that is measured on a picture it was trained with looks better than it is (leakage). The detections are those
that were measured already, so no network runs again.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.core.files import read_json, write_json
from boxwright.evaluation.data import AnnotatedBoxes, Dataset, Detections, Images, Records, dataset_of
from boxwright.evaluation.measure import measure


def without(dataset: Dataset, detections: Detections, left_out: Collection[str]) -> tuple[Dataset, Detections]:
    """The data set and its detections without some images, by name."""
    stay = np.array([name not in left_out for name in dataset.images.names], bool)
    place = np.cumsum(stay) - 1  # the new index of each image that stays
    images, truth = dataset.images, dataset.truth
    boxes, found = stay[truth.image], detections.where(stay[detections.image])
    return (
        Dataset(
            Images(
                tuple(name for name, stays in zip(images.names, stay, strict=True) if stays),
                images.heights[stay],
                images.widths[stay],
            ),
            AnnotatedBoxes(
                place[truth.image[boxes]],
                truth.boxes[boxes],
                truth.classes[boxes],
                truth.areas[boxes],
                truth.crowd[boxes],
                truth.difficult[boxes],
            ),
            dataset.label_map,
        ),
        Detections(place[found.image], found.boxes, found.scores, found.classes),
    )


def read_results(path: str | Path) -> Detections:
    """The detections in a file in COCO's results format whose image ids count from 1 in the order of the records."""
    found = read_json(path)
    boxes = np.array([one["bbox"] for one in found], np.float64).reshape(-1, 4)
    left, top, width, height = boxes.T
    return Detections(
        np.array([one["image_id"] - 1 for one in found], np.int64),
        np.round(np.stack([top, left, top + height, left + width], axis=1), 3),
        np.array([one["score"] for one in found], np.float64),
        np.array([one["category_id"] for one in found], np.int64),
    )


def run(
    metrics: str | Path,
    detections: str | Path,
    records: Sequence[str | Path],
    label_map: Mapping[str, int],
    left_out: Collection[str],
    out: str | Path,
) -> dict[str, Any]:
    """Measure the detections of a checkpoint without some evaluation images, and write the result to `out`.

    metrics, detections: metrics.json and detections.json of the checkpoint. Returns what is written: the fields
    `{model, step, seed, images, boxes, metrics, undefined}` of metrics.json, `interval` as in analysis.json, and
    `left_out`, the names of the images.
    """
    whole = read_json(metrics)
    dataset, found = without(dataset_of(Records(records), label_map), read_results(detections), left_out)
    result = {key: whole[key] for key in ("model", "step", "seed")}
    result |= {"images": len(dataset.images), "boxes": dataset.objects, "left_out": sorted(left_out)}
    if len(dataset.truth):
        measured = measure(dataset, found)
        result |= {"metrics": measured.metrics, "undefined": measured.undefined}
        result["interval"] = measured.analysis["interval"]
    else:
        why = "every evaluation image with a box shows the same as a training image"
        names = whole["metrics"]
        result |= {"metrics": dict.fromkeys(names), "undefined": dict.fromkeys(names, why), "interval": None}
    write_json(out, result)
    return result

"""Images for the report: a sheet of annotated ones, and those where a detector did worst and best."""

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from boxwright.core.errors import UserError
from boxwright.dataset import statistics
from boxwright.dataset.samples import Sample
from boxwright.images import drawing, drawn, loader
from boxwright.records.example import Record
from boxwright.report import html

_COLUMNS, _ROWS = 6, 4  # of the contact sheet
_TILE = (204, 153)  # width and height of one of its tiles
_GAP = 6
_SIDE = 520  # longer side of an image beside its detections
_GROUND = (22, 28, 36)
WORST, BEST = 6, 4


def contact_sheet(manifests: Iterable[str | Path], label_map: Mapping[str, int]) -> bytes:
    """A JPEG of a random sample of the images in the manifests, each fitted into a tile with its boxes drawn."""
    samples = statistics.sample(manifests, _COLUMNS * _ROWS)
    columns = min(_COLUMNS, max(len(samples), 1))
    rows = max(math.ceil(len(samples) / columns), 1)
    width, height = (count * (side + _GAP) + _GAP for count, side in zip((columns, rows), _TILE, strict=True))
    sheet = Image.new("RGB", (width, height), _GROUND)
    for index, sample in enumerate(samples):
        tile = Image.fromarray(_annotated(sample, label_map))
        left = _GAP + (index % columns) * (_TILE[0] + _GAP) + (_TILE[0] - tile.width) // 2
        top = _GAP + (index // columns) * (_TILE[1] + _GAP) + (_TILE[1] - tile.height) // 2
        sheet.paste(tile, (left, top))
    file = io.BytesIO()
    drawn.save(sheet, file, quality=88, subsampling=0)
    return file.getvalue()


def worst_and_best(judged: Iterable[Mapping[str, Any]]) -> tuple[list, list]:
    """The entries of analysis.json's `images` with the worst errors, and those without errors with most boxes.

    The worst are ordered by F1, then by the number of errors. Images without boxes and without detections are in
    neither list.
    """
    judged = list(judged)
    wrong = [one for one in judged if one["wrong"] or one["missed"]]
    right = [one for one in judged if one["correct"] and not one["wrong"] and not one["missed"]]
    wrong.sort(key=lambda one: (one["f1"] or 0.0, -one["wrong"] - one["missed"], one["name"]))
    right.sort(key=lambda one: (-one["boxes"], one["name"]))
    return wrong[:WORST], right[:BEST]


def judged_page(
    analysis: Mapping[str, Any],
    records: Sequence[Record],
    detections: Iterable[Mapping[str, Any]],
    names: Mapping[int, str],
    title: str,
) -> bytes:
    """A page of the worst and best images, ground truth beside detections.

    records: the evaluation records in their order; detections: rows of COCO's results; names: classes by id.
    """
    worst, best = worst_and_best(analysis["images"])
    threshold = analysis["score_threshold"]
    found = defaultdict(list)
    for row in detections:
        if row["score"] >= threshold:
            found[row["image_id"]].append(row)

    def pairs(chosen: Iterable[Mapping[str, Any]]) -> html.Html:
        return html.gallery(
            (_beside(records[one["image_id"] - 1], found[one["image_id"]], names), one["name"], _verdict(one))
            for one in chosen
        )

    parts = [html.paragraph(f"Left: annotations. Right: detections with a score of at least {threshold:g}.")]
    parts += [html.heading("Worst"), pairs(worst) if worst else html.paragraph("No image has an error.")]
    nothing = html.paragraph("Every image with objects has an error.")
    parts += [html.heading("Best: all found, nothing else"), pairs(best) if best else nothing]
    return html.page(title, *parts)


def _annotated(sample: Sample, label_map: Mapping[str, int]) -> np.ndarray:
    """A sample's image with its boxes, fitted into a tile; a gray tile if it can no longer be read."""
    try:
        picture = Image.fromarray(loader.load_rgb(sample.image))
    except (UserError, OSError):
        return np.full((_TILE[1], _TILE[0], 3), 90, np.uint8)
    picture.thumbnail(_TILE, Image.Resampling.BOX)
    size = (sample.height, sample.width) * 2
    corners = np.array([(box.ymin, box.xmin, box.ymax, box.xmax) for box in sample.boxes]).reshape(-1, 4)
    ids = [label_map[box.class_name] for box in sample.boxes]
    return drawing.boxes(np.asarray(picture), corners / size, ids, [""] * len(ids), thickness=2)


def _beside(record: Record, rows: Iterable[Mapping[str, Any]], names: Mapping[int, str]) -> np.ndarray:
    """Ground truth and detections of one image beside each other."""
    picture = drawing.shrunk(loader.load_rgb(record.encoded), _SIDE)
    thickness = max(2, round(max(picture.shape) / 200))
    labels = ["ignored" if crowd else text for text, crowd in zip(record.class_text, record.is_crowd, strict=True)]
    truth = drawing.boxes(picture, record.boxes, record.classes.tolist(), labels, thickness=thickness)
    rows = sorted(rows, key=lambda row: -row["score"])
    boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]]
    boxes[:, 2:] += boxes[:, :2]
    found = drawing.boxes(
        picture,
        boxes / ((record.height, record.width) * 2),
        [row["category_id"] for row in rows],
        [f"{_class(names, row['category_id'])} {row['score']:.2f}" for row in rows],
        thickness=thickness,
    )
    return drawing.side_by_side(truth, found, ("annotated", "detected"))


def _class(names: Mapping[int, str], number: int) -> str:
    """The name of a class; ids that a label map leaves out have none."""
    return names.get(number, f"class {number}")


def _verdict(one: Mapping[str, Any]) -> str:
    return f"{one['correct']} of {one['boxes']} found, {one['missed']} missed, {one['wrong']} wrong"

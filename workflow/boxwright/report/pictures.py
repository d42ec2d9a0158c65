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
_STRIP_TILE = (460, 345)
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
    return _jpeg(sheet, 88)


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


def typical(judged: Iterable[Mapping[str, Any]], count: int = 2) -> list[Mapping[str, Any]]:
    """The entries of analysis.json's `images` whose F1 is nearest to the median, of the images with boxes."""
    some = sorted((one for one in judged if one["boxes"]), key=lambda one: (one["f1"] or 0.0, one["name"]))
    middle = (len(some) - 1) / 2
    near = sorted(range(len(some)), key=lambda place: (abs(place - middle), place))[:count]
    return [some[place] for place in sorted(near)]


def strip(
    analysis: Mapping[str, Any],
    records: Sequence[Record],
    detections: Iterable[Mapping[str, Any]],
    names: Mapping[int, str],
) -> bytes:
    """A JPEG of two typical and the two worst images with detections and missed objects, two beside each other.

    The arguments are those of `judged_page`. Images that are among the typical ones are not repeated.
    """
    usual = typical(analysis["images"])
    shown = [one["name"] for one in usual]
    worst = [one for one in worst_and_best(analysis["images"])[0] if one["name"] not in shown][:2]
    chosen = [*(("typical", one) for one in usual), *(("worst", one) for one in worst)]
    found = _confident(detections, analysis["score_threshold"])
    tiles = [
        drawing.titled(
            _fitted(_found(_picture(records, one, max(_STRIP_TILE)), one, found[one["image_id"]], names), _STRIP_TILE),
            f"{word}: {_verdict(one)}",
        )
        for word, one in chosen
    ]
    high, wide, _ = tiles[0].shape if tiles else (*_STRIP_TILE[::-1], 3)
    rows = max(1, math.ceil(len(tiles) / 2))
    sheet = Image.new("RGB", (2 * (wide + _GAP) + _GAP, rows * (high + _GAP) + _GAP), _GROUND)
    for place, tile in enumerate(tiles):
        sheet.paste(Image.fromarray(tile), (_GAP + place % 2 * (wide + _GAP), _GAP + place // 2 * (high + _GAP)))
    return _jpeg(sheet, 86)


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
    found = _confident(detections, threshold)

    def pairs(chosen: Iterable[Mapping[str, Any]]) -> html.Html:
        return html.gallery(
            (_beside(records, one, found[one["image_id"]], names), one["name"], _verdict(one)) for one in chosen
        )

    parts = [
        html.paragraph(
            f"Left: annotations. Right: detections with a score of at least {threshold:g}; dashed: missed objects."
        )
    ]
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


def _confident(detections: Iterable[Mapping[str, Any]], threshold: float) -> dict[int, list[Mapping[str, Any]]]:
    """The detections with at least this score by image id, best first."""
    found = defaultdict(list)
    for row in sorted(detections, key=lambda row: -row["score"]):
        if row["score"] >= threshold:
            found[row["image_id"]].append(row)
    return found


def _picture(records: Sequence[Record], one: Mapping[str, Any], side: int) -> tuple[Record, np.ndarray]:
    """The record of a judged image, and the image with a longer side of at most `side`."""
    record = records[one["image_id"] - 1]
    return record, drawing.shrunk(loader.load_rgb(record.encoded), side)


def _beside(
    records: Sequence[Record], one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], names: Mapping[int, str]
) -> np.ndarray:
    """Ground truth and detections of one image beside each other."""
    record, picture = _picture(records, one, _SIDE)
    labels = ["ignored" if crowd else text for text, crowd in zip(record.class_text, record.is_crowd, strict=True)]
    truth = drawing.boxes(picture, record.boxes, record.classes.tolist(), labels, thickness=_thickness(picture))
    return drawing.side_by_side(truth, _found((record, picture), one, rows, names), ("annotated", "detected"))


def _found(
    shown: tuple[Record, np.ndarray],
    one: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[int, str],
) -> np.ndarray:
    """A judged image with the detections on it, and with dashed lines around the objects that were missed."""
    record, picture = shown
    missed = one["missed_boxes"]
    boxes = np.array([row["bbox"] for row in (*rows, *missed)], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]]
    boxes[:, 2:] += boxes[:, :2]
    labels = [f"{_class(names, row['category_id'])} {row['score']:.2f}" for row in rows]
    return drawing.boxes(
        picture,
        boxes / ((record.height, record.width) * 2),
        [row["category_id"] for row in (*rows, *missed)],
        [*labels, *(f"missed {_class(names, row['category_id'])}" for row in missed)],
        thickness=_thickness(picture),
        dashed=len(missed),
    )


def _thickness(picture: np.ndarray) -> int:
    return max(2, round(max(picture.shape) / 200))


def _fitted(picture: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """An image in the middle of a tile of this width and height."""
    image = Image.fromarray(picture)
    image.thumbnail(tile, Image.Resampling.BOX)
    ground = Image.new("RGB", tile, _GROUND)
    ground.paste(image, ((tile[0] - image.width) // 2, (tile[1] - image.height) // 2))
    return np.asarray(ground)


def _jpeg(sheet: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    drawn.save(sheet, file, quality=quality, subsampling=0)
    return file.getvalue()


def _class(names: Mapping[int, str], number: int) -> str:
    """The name of a class; ids that a label map leaves out have none."""
    return names.get(number, f"class {number}")


def _verdict(one: Mapping[str, Any]) -> str:
    return f"{one['correct']} of {one['boxes']} found, {one['missed']} missed, {one['wrong']} wrong"

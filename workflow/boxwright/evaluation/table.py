"""The metrics of one evaluation as a table for the terminal."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from boxwright.evaluation import coco, pascal

_PRECISION = (("IoU .50:.95", "mAP"), ("IoU .50", "mAP@.50IOU"), ("IoU .75", "mAP@.75IOU"))
_SIZES = ("small", "medium", "large")
_MOST_CLASSES = 100


def table(result: Mapping[str, Any], boxes_per_class: Mapping[str, int]) -> str:
    """The lines to print for `result`, the content of a metrics.json; `boxes_per_class` is class name -> boxes.

    COCO's twelve numbers, then one line per class with COCO's AP, VOC's AP at IoU 0.5 and the number of boxes behind
    them. What is undefined is `n/a`, with its reasons below.
    """
    values = result["metrics"]
    lines = [f"{result['model']} at step {result['step']}: {result['images']} images, {result['boxes']} boxes", ""]
    lines += _columns(
        [
            ["average precision", *(head for head, _ in _PRECISION), *_SIZES],
            [
                "",
                *(_number(values[coco.PRECISION + name]) for _, name in _PRECISION),
                *(_number(values[f"{coco.PRECISION}mAP ({size})"]) for size in _SIZES),
            ],
            ["average recall", "1 per image", "10", "100", *_SIZES],
            [
                "",
                *(_number(values[f"{coco.RECALL}AR@{limit}"]) for limit in (1, 10, 100)),
                *(_number(values[f"{coco.RECALL}AR@100 ({size})"]) for size in _SIZES),
            ],
        ]
    )
    rows = [["class", "IoU .50:.95", "VOC, IoU .50", "boxes"]]
    for name, count in list(boxes_per_class.items())[:_MOST_CLASSES]:
        normal = unicodedata.normalize("NFKD", name)
        ours = (values[coco.PER_CLASS + name], values[pascal.PER_CLASS + normal])
        rows.append([name, *map(_number, ours), str(count)])
    mean = (values[coco.PRECISION + "mAP"], values[pascal.MEAN])
    rows.append(["mean", *map(_number, mean), str(sum(boxes_per_class.values()))])
    lines += ["", *_columns(rows)]
    if len(boxes_per_class) > _MOST_CLASSES:
        lines.append(f"({len(boxes_per_class) - _MOST_CLASSES} more classes in metrics.json)")
    reasons = list(dict.fromkeys(result["undefined"].values()))
    if reasons:
        lines += ["", *(f"n/a: {reason}" for reason in reasons[:5])]
        if len(reasons) > 5:
            lines.append(f"n/a: {len(reasons) - 5} more reasons in metrics.json")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines: the first column aligned left, the others right."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0] + " " * (widths[0] - _width(row[0]))]
        cells += [" " * (width - _width(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """Columns that a text takes on a terminal: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )

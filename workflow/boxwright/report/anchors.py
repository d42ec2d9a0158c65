"""How well a model's anchors fit the boxes of the data: as a table, as numbers, and drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf.message import Message
from matplotlib.figure import Figure

from boxwright.dataset.samples import Sample
from boxwright.pipeline import coverage
from boxwright.report import style

THRESHOLD = coverage.MEETS
HEAD = "image\tclass\twidth\theight\tinput_width\tinput_height\tbest_iou\n"
# More dots show nothing new and make the file large.
_MOST_DOTS = 900


def measure(config: Message, samples: Sequence[Sample]) -> tuple[dict[str, Any], str]:
    """The fit of a TrainEvalPipelineConfig's anchors to the samples' boxes, and the boxes that no anchor matches.

    Returns `{threshold, images, boxes, covered, classes: {name: {boxes, covered}}, sides: [[height, width], ...], iou:
    [...], anchors: [[height, width], ...]}` with sizes in pixels of the network's input, and a table in TSV of the
    boxes whose best IoU is below the threshold, worst first. `anchors` are the sizes at the input of the image of
    median size.
    """
    boxes, images = coverage.boxes_of(samples)
    sides, iou = coverage.fit(config, boxes, images)
    covered = iou >= THRESHOLD
    names = [box.class_name for sample in samples for box in sample.boxes]
    classes: dict[str, dict[str, int]] = {}
    for name, good in zip(names, covered.tolist(), strict=True):
        counts = classes.setdefault(name, {"boxes": 0, "covered": 0})
        counts["boxes"] += 1
        counts["covered"] += good
    result = {
        "threshold": THRESHOLD,
        "images": len(samples),
        "boxes": len(iou),
        "covered": int(covered.sum()),
        "classes": dict(sorted(classes.items())),
        "sides": np.round(sides, 1).tolist(),
        "iou": np.round(iou, 4).tolist(),
        "anchors": np.round(_sizes(config, images), 1).tolist(),
    }
    return result, HEAD + "".join(_lines(samples, sides, iou))


@style.drawing
def fit(found: Mapping[str, Any], model: str) -> Figure:
    """Sizes of boxes and anchors, and how many boxes reach which IoU; found: the result of `measure`."""
    if not found["boxes"]:
        return style.message("There is no box to match.")
    iou, sides = np.asarray(found["iou"]), np.asarray(found["sides"])
    figure, ((shapes, overlaps),) = style.canvas(4.7, columns=2, width_ratios=(1.15, 1))
    good = iou >= found["threshold"]
    missed = found["boxes"] - found["covered"]
    for mask, colour, label in (
        (good, style.GOOD, f"matched by an anchor ({found['covered']:,})"),
        (~good, style.BAD, f"matched by none ({missed:,})"),
    ):
        rows = np.flatnonzero(mask)
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_DOTS)).astype(int)] if len(rows) else rows
        shapes.plot(sides[rows, 1], sides[rows, 0], "o", ms=3.5, mew=0, alpha=0.55, color=colour, label=label)
    anchors = np.asarray(found["anchors"]).reshape(-1, 2)
    shapes.plot(anchors[:, 1], anchors[:, 0], "+", ms=8, mew=1.4, color=style.INK, label="anchors")
    for side in ("x", "y"):
        getattr(shapes, f"set_{side}scale")("log", base=2)
        getattr(shapes, f"{side}axis").set_major_formatter(lambda value, _: f"{value:g}")
    shapes.set_xlabel("width, pixels of the network's input (log)")
    shapes.set_ylabel("height")
    shapes.set_title(f"{found['covered'] / found['boxes']:.1%} of the boxes match an anchor of {style.short(model)}")
    shapes.legend(
        loc="upper left", bbox_to_anchor=(-0.02, -0.16), labelcolor=style.INK, handletextpad=0.2, labelspacing=0.3
    )
    _histogram(overlaps, iou, found["threshold"])
    return figure


def _histogram(axes, iou: np.ndarray, threshold: float) -> None:
    edges = np.linspace(0, 1, 21)
    counts, _ = np.histogram(iou, edges)
    colours = [style.GOOD if edge >= threshold - 1e-9 else style.BAD for edge in edges[:-1]]
    axes.bar(edges[:-1], counts, width=0.046, align="edge", color=colours)
    axes.axvline(threshold, color=style.MUTED, lw=1, ls=(0, (4, 3)))
    axes.set_xlim(0, 1)
    axes.set_title("Overlap with the best anchor")
    axes.set_xlabel("intersection over union")
    axes.set_ylabel("boxes")
    style.no_grid(axes, "x")


def _sizes(config: Message, images: np.ndarray) -> np.ndarray:
    """The different anchor sizes [K, 2] at the input of the image of median size."""
    if not len(images):
        return np.zeros((0, 2))
    middle = images[np.argsort(images.prod(axis=1), kind="stable")[len(images) // 2]]
    layout = coverage.Layout(config)
    _, size = layout.sizes(*middle.tolist())
    return np.concatenate([grid.sizes for grid in layout.grids(size)])


def _lines(samples: Sequence[Sample], sides: np.ndarray, iou: np.ndarray) -> list[str]:
    """A line of the table for each box below the threshold, the worst first."""
    boxes = [(sample, box) for sample in samples for box in sample.boxes]
    order = np.argsort(iou, kind="stable")
    lines = []
    for row in order[iou[order] < THRESHOLD]:
        sample, box = boxes[row]
        own = f"{box.xmax - box.xmin:.6g}\t{box.ymax - box.ymin:.6g}"
        scaled = f"{sides[row, 1]:.1f}\t{sides[row, 0]:.1f}"
        lines.append(f"{sample.name}\t{' '.join(box.class_name.split())}\t{own}\t{scaled}\t{iou[row]:.3f}\n")
    return lines

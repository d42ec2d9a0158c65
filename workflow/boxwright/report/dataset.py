"""The data set in figures: how often each class occurs, and how large and how long its boxes are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from boxwright.core.counts import plural
from boxwright.dataset.split import EVAL, SIDES, TEST, TRAIN, WORDS
from boxwright.report import style

_COLOURS = {TRAIN: style.GOOD, EVAL: style.BAD, TEST: style.THIRD}
_MOST_CLASSES = 40
_MARGIN = 3  # bins


@style.drawing
def class_counts(statistics: Mapping[str, Any]) -> Figure:
    """Boxes of every class on each side of the split, in the order of the label map; of many the most frequent ones.

    statistics: the content of statistics.json.
    """
    counts = {side: statistics[side]["classes"] for side in _sides(statistics)}
    frequent = sorted(statistics["classes"], key=lambda name: -sum(of.get(name, 0) for of in counts.values()))
    names = sorted(frequent[:_MOST_CLASSES], key=lambda name: statistics["classes"][name])
    left_out = len(frequent) - len(names)
    rows = np.arange(len(names))
    figure, ((axes,),) = style.canvas(min(1.5 + 0.42 * len(names), 7.2))
    size = 9 if len(names) <= 10 else 6.5
    for index, (side, of) in enumerate(counts.items()):
        offset = (index - (len(counts) - 1) / 2) * 0.76 / len(counts)
        values = [of.get(name, 0) for name in names]
        label = f"{WORDS[side]} ({plural(sum(of.values()), 'box', 'boxes')})"
        axes.barh(rows + offset, values, height=0.72 / len(counts), color=_COLOURS[side], label=label)
        if len(names) <= 20:
            style.bar_labels(axes, rows + offset, values, [f"{value:,}" for value in values], size)
    axes.set_yticks(
        rows, [style.short(name) for name in names], color=style.INK, fontsize=9.5 if len(names) <= 20 else 6.5
    )
    axes.invert_yaxis()
    axes.set_xlabel("boxes" if left_out <= 0 else f"boxes (and {plural(left_out, 'rarer class', 'rarer classes')})")
    axes.margins(x=0.1)
    style.no_grid(axes, "y")
    axes.spines["bottom"].set_visible(False)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=len(counts),
        labelcolor=style.INK,
        handlelength=1,
        borderaxespad=0.1,
    )
    return figure


@style.drawing
def box_shapes(statistics: Mapping[str, Any]) -> Figure:
    """Sizes and aspect ratios of the boxes, boxes per image and sizes of the images."""
    figure, axes = style.canvas(5.6, rows=2, columns=2)
    for place, (name, title, label, scale) in zip(
        axes.flat,
        (
            ("box_side", "Box size", "side of a square of equal area, pixels (log)", "log"),
            ("box_aspect", "Box shape", "width / height (log)", "log"),
            ("boxes_per_image", "Crowding", "boxes in an image", "linear"),
            ("image_side", "Image size", "longer side, pixels (log)", "log"),
        ),
        strict=True,
    ):
        _histogram(place, statistics, name, scale)
        place.set_title(title)
        place.set_xlabel(label)
    for side in (32, 96):
        axes[0, 0].axvline(side, color=style.MUTED, lw=1, ls=(0, (4, 3)))
    for row in axes:
        row[0].set_ylabel("share of the side")
    axes[0, 1].legend(loc="upper right", labelcolor=style.INK, handlelength=1)
    return figure


def _sides(statistics: Mapping[str, Any]) -> list[str]:
    return [side for side in SIDES if side in statistics]


def _histogram(axes: Axes, statistics: Mapping[str, Any], name: str, scale: str) -> None:
    edges = np.asarray(statistics["bins"][name])
    used = np.flatnonzero(sum(np.asarray(statistics[side][name]) for side in _sides(statistics)))
    first, last = (used[0], used[-1] + 1) if len(used) else (0, 1)
    if scale == "log":  # room for at least one power of two at each side
        first, last = max(first - _MARGIN, 0), min(last + _MARGIN, len(edges) - 1)
    for side in _sides(statistics):
        colour = _COLOURS[side]
        counts = np.asarray(statistics[side][name], float)
        shares = counts / max(counts.sum(), 1.0)
        axes.stairs(shares[first:last], edges[first : last + 1], color=colour, fill=True, alpha=0.16)
        axes.stairs(shares[first:last], edges[first : last + 1], color=colour, lw=1.6, label=WORDS[side])
    if scale == "log":
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(edges[first], edges[last])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    style.no_grid(axes, "x")

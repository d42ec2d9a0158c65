"""The confusion matrix: which class each annotated object was detected as, and which detections have no object.

Below the classes are the wrong detections that lie on no object of another class, to their right the objects that were
not detected as anything: both by kind of mistake, so that the numbers are those of the figure of errors.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from boxwright.report import style

_MOST_LABELLED = 40  # with more rows the names are too small to read
_MOST_COUNTED = 24  # numbers that fit into cells
# What follows the classes: the name in the figure, and the kinds of mistakes (`evaluation.error_types`) in it.
_NOWHERE = {"misplaced": ("localisation", "both"), "found twice": ("duplicate",), "background": ("background",)}
_UNSEEN = {"misplaced": ("localisation",), "missed": ("missed",)}


@style.drawing
def matrix(analysis: Mapping[str, Any]) -> Figure:
    """The confusion matrix of an analysis.json's content. Colours are shares of a row, numbers are counts."""
    found = analysis["confusion"]
    classes = found["labels"][:-1]
    size = len(classes)
    counts = np.zeros((size + len(_NOWHERE), size + len(_UNSEEN)), int)
    counts[:size, :size] = np.asarray(found["matrix"], int)[:size, :size]
    for row, kinds in enumerate(_NOWHERE.values(), size):
        counts[row, :size] = np.sum([found["nowhere"][kind] for kind in kinds], axis=0)
    for column, kinds in enumerate(_UNSEEN.values(), size):
        counts[:size, column] = np.sum([found["unseen"][kind] for kind in kinds], axis=0)
    figure, ((axes,),) = style.canvas(max(3.8, min(2.2 + 0.42 * len(counts), 7.2)))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = float(shares[row, column])
        right = row == column
        colour = style.GOOD if right else style.BAD
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fc=colour, alpha=0.08 + 0.87 * share, lw=0))
        if size <= _MOST_COUNTED:
            ink = "#ffffff" if share > 0.6 else style.INK
            font = 9.5 if size <= 12 else 6.5
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=ink, fontsize=font)
    _decorate(axes, [*classes, *_NOWHERE], [*classes, *_UNSEEN], size)
    return figure


def _decorate(axes: Axes, rows: list[str], columns: list[str], size: int) -> None:
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_aspect("equal" if size > 6 else 0.5)
    axes.set_anchor("W")
    axes.spines[:].set_visible(False)
    style.no_grid(axes, "x", "y")
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(True, which="minor")
    for line in (axes.axhline, axes.axvline):
        line(size - 0.5, color=style.MUTED, linewidth=1.2)
    font = 9.5 if size <= 12 else 7.5 if size <= 24 else 5.5
    # The names of very many classes are too small to read; what follows them can always be named.
    first = 0 if size <= _MOST_LABELLED else size
    slanted = {"rotation": 45, "ha": "right"} if size > 3 else {}
    axes.set_xticks(range(first, len(columns)), _named(columns[first:]), fontsize=font, **slanted)
    axes.set_yticks(range(first, len(rows)), _named(rows[first:]), fontsize=font)
    axes.tick_params(labelcolor=style.INK)
    axes.set_xlabel("detected as")
    axes.set_ylabel("annotated as")


def _named(names: list[str]) -> list[str]:
    return [style.short(name, 18) for name in names]

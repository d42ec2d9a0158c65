"""The confusion matrix: which class each annotated object was detected as, and which detections have no object."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from boxwright.report import style

_MOST_LABELLED = 40  # with more rows the names are too small to read
_MOST_COUNTED = 24  # numbers that fit into cells


@style.drawing
def matrix(analysis: Mapping[str, Any]) -> Figure:
    """The confusion matrix of an analysis.json's content. Colours are shares of a row, numbers are counts."""
    labels = analysis["confusion"]["labels"]
    counts = np.asarray(analysis["confusion"]["matrix"], int)
    size = len(labels)
    figure, ((axes,),) = style.canvas(max(3.4, min(2.2 + 0.42 * size, 7.2)))
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
    _decorate(axes, labels, size)
    return figure


def _decorate(axes: Axes, labels: list[str], size: int) -> None:
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_aspect("equal" if size > 6 else 0.5)
    axes.set_anchor("W")
    axes.spines[:].set_visible(False)
    style.no_grid(axes, "x", "y")
    edges = np.arange(size + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(True, which="minor")
    shown = range(size) if size <= _MOST_LABELLED else []
    font = 9.5 if size <= 12 else 7.5 if size <= 24 else 5.5
    names = [style.short(labels[index], 18) for index in shown]
    axes.set_xticks(
        list(shown), names, rotation=45 if size > 6 else 0, ha="right" if size > 6 else "center", fontsize=font
    )
    axes.set_yticks(list(shown), names, fontsize=font)
    axes.tick_params(labelcolor=style.INK)
    axes.set_xlabel("detected as (background: missed)")
    axes.set_ylabel("annotated as\n(background: nothing there)")

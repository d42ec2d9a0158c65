"""Precision-recall curves of every class at IoU 0.5."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boxwright.report import style

# This many names fit beside the curves. With more classes the best and the worst are named and the others are gray.
_MOST_NAMED, _EXTREMES = 20, 7


@style.drawing
def curves(analysis: Mapping[str, Any]) -> Figure:
    """The curves of every class, in the order of the label map; analysis: the content of analysis.json."""
    drawn = [one for one in analysis["classes"] if one["AP50"] is not None and one["curve"]]
    if not drawn:
        return style.message(
            "n/a: no class has a box in the evaluation images, so no precision-recall curve is defined."
        )
    figure, ((axes,),) = style.canvas(5.4)
    many = len(drawn) > _MOST_NAMED
    ranked = sorted(drawn, key=lambda one: -one["AP50"])
    extremes = [one["id"] for one in (*ranked[:_EXTREMES], *ranked[-_EXTREMES:])]
    named = [one for one in drawn if one["id"] in extremes] if many else drawn
    for one in drawn:
        if one not in named:
            axes.plot(one["curve"]["recall"], one["curve"]["precision"], color=style.GRID, lw=1)
    for one in reversed(named):
        colour = style.class_colour(one["id"])
        label = f"{style.short(one['name'], 22)}  {one['AP50']:.3f}"
        axes.plot(
            one["curve"]["recall"],
            one["curve"]["precision"],
            color=colour,
            lw=2 if len(named) < 9 else 1.4,
            label=label,
        )
        if one["precision"] is not None and one["recall"] is not None:
            axes.plot(one["recall"], one["precision"], "o", color=colour, mec=style.PAPER, mew=1, ms=7)
    if len(drawn) > 1:
        mean = np.mean([one["curve"]["precision"] for one in drawn], axis=0)
        label = f"mean  {np.mean([one['AP50'] for one in drawn]):.3f}"
        axes.plot(drawn[0]["curve"]["recall"], mean, color=style.INK, lw=2, ls=(0, (4, 2)), label=label)
    _decorate(axes, analysis, len(drawn) - len(named))
    return figure


def _decorate(axes: Axes, analysis: Mapping[str, Any], unnamed: int) -> None:
    axes.set_xlim(-0.02, 1.03)
    axes.set_ylim(-0.02, 1.03)
    axes.set_aspect("equal")
    axes.set_anchor("W")
    axes.set_xlabel("recall: share of the objects that are found")
    axes.set_ylabel("precision: share of the detections that are right")
    title = "class and AP at IoU 0.5"
    if unnamed:
        title += f"\n(the {_EXTREMES} best and {_EXTREMES} worst;\n{unnamed} between in gray)"
    title += f"\n\N{BLACK CIRCLE} detections from score {analysis['score_threshold']:g}"
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(
        handles[::-1],
        labels[::-1],
        loc="upper left",
        bbox_to_anchor=(1.02, 1.02),
        title=title,
        alignment="left",
        labelcolor=style.INK,
        handlelength=1.4,
        labelspacing=0.35,
    )
    legend.get_title().set_color(style.MUTED)

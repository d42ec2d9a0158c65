"""What the scores of a detector mean: reliability plots, and from which score on its detections can be relied on."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boxwright.core import decimals
from boxwright.evaluation.calibration import LOWEST
from boxwright.evaluation.operating_point import LEVEL, PRECISION
from boxwright.evaluation.table import threshold
from boxwright.report import html, style

# Plots of more classes would be too small to read; the table has all of them.
_MOST_PLOTS, _COLUMNS = 9, 3
_MOST_REASONS = 20
_POINT_HEADS = (
    "reliable from score",
    "precision there",
    f"its {LEVEL:.0%} interval",
    "recall there",
    "detections there",
    "sure from score",
)
_ERROR_HEADS = ("calibration error", "calibrated", "by chance")


@style.drawing
def reliability(analysis: Mapping[str, Any]) -> Figure:
    """A reliability plot with the calibration of each class, in the order of the label map.

    Of many classes those with most boxes are drawn. analysis: the content of analysis.json.
    """
    known = [one for one in analysis["classes"] if one["scores"]["reliability"]]
    if not known:
        return style.message("n/a: no class has both boxes and detections in the evaluation images.")
    most = [one["id"] for one in sorted(known, key=lambda one: -one["boxes"])[:_MOST_PLOTS]]
    drawn = [one for one in known if one["id"] in most]
    columns = min(_COLUMNS, len(drawn))
    rows = -(-len(drawn) // columns)
    figure, grid = style.canvas({1: 5.4, 2: 5.0}.get(columns, 0.8 + 3.1 * rows), rows, columns)
    for axes in grid.flat[len(drawn) :]:
        axes.set_axis_off()
    for index, (axes, one) in enumerate(zip(grid.flat, drawn, strict=False)):
        _plot(axes, one)
        if index % columns == 0:
            axes.set_ylabel("share of detections that are right")
        if index + columns >= len(drawn):
            axes.set_xlabel("score")
    more = (
        f"The {len(drawn)} classes with most boxes; all {len(known)} are in the table." if known[_MOST_PLOTS:] else None
    )
    # A class may lack a score to rely on, so the entries are those of all plots.
    handles = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    legend = figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower left",
        ncols=2 if columns == 1 else 4,
        labelcolor=style.INK,
        title=more,
        alignment="left",
    )
    legend.get_title().set_color(style.MUTED)
    return figure


def table(analysis: Mapping[str, Any], subject: str) -> bytes:
    """The scores in one evaluation as a page: where the precision of each class is high, and its calibration error.

    subject: what was measured.
    """
    named = [(html.dot(style.class_colour(one["id"]), one["name"]), one) for one in analysis["classes"]]
    if len(named) > 1:
        named.append((html.text_of("all classes"), {"name": "all classes", "scores": analysis["scores"]}))
    rows = [(name, *_point(one["scores"]), *_error(one["scores"])) for name, one in named]
    reasons = [
        f"{one['name']}: {why}" for _, one in named for why in dict.fromkeys(one["scores"]["undefined"].values())
    ]
    return html.page(
        f"Scores of {subject}",
        html.paragraph(said(analysis["scores"])),
        html.table(("class", *_POINT_HEADS, *_ERROR_HEADS), rows),
        html.paragraph(
            f"Reliable: the lowest score from which at least {PRECISION:.0%} of the detections are right. Sure: the "
            "lowest score from which the whole interval of that precision is so high."
        ),
        html.paragraph(
            f"The calibration error is the mean distance, from score {LOWEST:g} on, between the scores of detections "
            "and the share of them that is right. Calibrated: the same after a calibration that was made from the "
            "other half of the images. By chance: what exact probabilities would show with so few detections."
        ),
        *(html.paragraph(f"n/a: {why}", note=True) for why in reasons[:_MOST_REASONS]),
    )


def said(scores: Mapping[str, Any]) -> str:
    """From which score on detections can be relied on, in sentences; scores: those of an analysis, or of a class."""
    point = scores["operating_point"]
    if point is None:
        why = scores["undefined"]["operating_point"]
        return f"No score is known from which {PRECISION:.0%} of the detections are right: {why}."
    sure = "the images are too few to be sure of it at any score"
    if point["sure_score"] is not None:
        sure = f"it is sure from score {threshold(point['sure_score'])} on"
    return (
        f"From score {threshold(point['score'])} on, {point['precision']:.1%} of the detections on the evaluation "
        f"images are right ({point['level']:.0%} confidence: {point['low']:.1%} to {point['high']:.1%}), and they find "
        f"{point['recall']:.1%} of the objects. That score was chosen for a precision of "
        f"{point['precision_wanted']:.0%}; {sure}."
    )


def _plot(axes: Axes, one: Mapping[str, Any]) -> None:
    scores, colour = one["scores"], style.class_colour(one["id"])
    points, curve, point = scores["reliability"], scores["calibration"], scores["operating_point"]
    x, y = ([each[key] for each in points] for key in ("score", "right"))
    below = [each["right"] - each["low"] for each in points]
    above = [each["high"] - each["right"] for each in points]
    axes.plot([0, 1], [0, 1], color=style.MUTED, lw=1, ls=(0, (4, 2)), label="score = share")
    axes.plot(curve["score"], curve["right"], color=colour, lw=1.6, alpha=0.7, label="calibration")
    axes.errorbar(x, y, [below, above], fmt="o", color=colour, ms=5, lw=1, label="scores of 0.1 each, with interval")
    if point is not None:
        label = f"precision {PRECISION:g} from here on"
        axes.axvline(point["score"], color=style.INK, lw=1, ls=":", label=label)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_aspect("equal")
    axes.set_anchor("W")
    axes.set_title(style.short(one["name"], 22))


def _point(scores: Mapping[str, Any]) -> tuple[str, ...]:
    point = scores["operating_point"]
    if point is None:
        return ("n/a",) * len(_POINT_HEADS)
    return (
        threshold(point["score"]),
        decimals.number(point["precision"]),
        decimals.ends(point),
        decimals.number(point["recall"]),
        f"{point['detections']:,}",
        "n/a" if point["sure_score"] is None else threshold(point["sure_score"]),
    )


def _error(scores: Mapping[str, Any]) -> tuple[str, ...]:
    error = scores["calibration_error"]
    if error is None:
        return ("n/a",) * len(_ERROR_HEADS)
    return tuple(decimals.number(error[key]) for key in ("scores", "calibrated", "chance"))

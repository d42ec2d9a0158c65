"""Where mAP is lost: the kinds of errors, how often each occurs and how much mAP fixing it would gain."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from boxwright.core import decimals
from boxwright.report import style

KINDS = {
    "classification": "right place, wrong class",
    "localisation": "right class, box too far off",
    "both": "wrong class and box off",
    "duplicate": "object found twice",
    "background": "nothing is there",
    "missed": "object not found at all",
}


@style.drawing
def costs(analysis: Mapping[str, Any]) -> Figure:
    """The cost of each kind of error as bars; analysis: the content of analysis.json."""
    errors = {one["kind"]: one for one in analysis["errors"]}
    kinds = [kind for kind in KINDS if kind in errors]
    if not kinds:
        return style.message("n/a: the errors were not counted.")
    figure, ((axes,),) = style.canvas(3.6)
    values = [errors[kind]["cost"] or 0.0 for kind in kinds]
    axes.barh(range(len(kinds)), values, height=0.62, color=style.BAD)
    texts = [f"{decimals.number(errors[kind]['cost'])}  ({_cases(errors[kind]['count'])})" for kind in kinds]
    style.bar_labels(axes, range(len(kinds)), values, texts)
    axes.set_yticks(range(len(kinds)), [f"{kind}: {KINDS[kind]}" for kind in kinds], color=style.INK)
    axes.invert_yaxis()
    axes.set_xlim(0, max(0.05, 1.28 * max(values)))
    counted = f"cases are counted from score {analysis['score_threshold']:g} on"
    axes.set_xlabel(f"mAP at IoU 0.5 that fixing these errors alone would gain; {counted}")
    axes.spines["bottom"].set_visible(False)
    style.no_grid(axes, "y")
    return figure


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"

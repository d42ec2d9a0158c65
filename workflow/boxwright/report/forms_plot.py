"""The forms of the exported detectors: how good each is against how fast and how large."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from boxwright.catalog import forms
from boxwright.core import decimals
from boxwright.core.counts import plural
from boxwright.report import results as found_results
from boxwright.report import style
from boxwright.report.results import Result


@style.drawing
def plot(results: Sequence[Result]) -> Figure:
    """mAP on the evaluation images against milliseconds per image; a marker's area is the size of the form's files.

    The markers are numbered, fastest first, since names would overlap where forms are close. One form alone is a
    sentence.
    """
    measured = list(_measured(results))
    if not measured:
        return style.message("n/a: no form was measured, or mAP is undefined.")
    threads = _threads([one for *_, one in measured])
    if len(measured) == 1:
        return style.message(_only(*measured[0], threads))
    drawn = sorted(measured, key=lambda one: one[2]["ms"][threads]["median"])
    places = found_results.places(results)
    figure, ((axes,),) = style.canvas(4.8)
    largest = max(one["bytes"] for _, _, one in drawn)
    for place, (result, name, one) in enumerate(drawn, start=1):
        time, area = one["ms"][threads], 30 + 370 * one["bytes"] / largest
        colour = style.model_colour(places[result.name])
        where = (time["median"], one["mAP"])
        of = f"{style.short(result.name)}, " if len(results) > 1 else ""
        label = f"{place}  {of}{forms.named(name).title}, {one['bytes'] / 1e6:.1f} MB"
        axes.plot([], [], "o", ms=7, mew=0, color=colour, label=label)
        low, high = time["quartiles"]
        axes.errorbar(*where, xerr=[[max(where[0] - low, 0)], [max(high - where[0], 0)]], color=colour, lw=1.8)
        axes.scatter(*where, s=area, color=colour, alpha=0.85, linewidths=0, zorder=3)
        offset = (area**0.5 / 2 + 3, 0)
        axes.annotate(str(place), where, offset, textcoords="offset points", va="center", fontsize=9, zorder=5)
    legend = axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        title="fastest first",
        alignment="left",
        labelcolor=style.INK,
        handletextpad=0.2,
    )
    legend.get_title().set_color(style.MUTED)
    axes.set_xlim(0, 1.15 * max(one["ms"][threads]["quartiles"][1] for *_, one in drawn))
    values = [one["mAP"] for *_, one in drawn]
    axes.set_ylim(max(0.0, min(values) - 0.05), min(1.02, max(values) + 0.05))
    devices = " or ".join(dict.fromkeys(one["device"] for *_, one in drawn))
    axes.set_xlabel(f"milliseconds per image with {plural(int(threads), 'thread')} (median and quartiles; {devices})")
    axes.set_ylabel("mAP on the evaluation images")
    return figure


def _only(result: Result, name: str, one: Mapping[str, Any], threads: str) -> str:
    """What the only form reaches: a single dot shows nothing."""
    return (
        f"One form was measured, the {forms.named(name).title} of {style.short(result.name)}: mAP "
        f"{decimals.number(one['mAP'])}, {one['ms'][threads]['median']:.1f} ms per image with "
        f"{plural(int(threads), 'thread')} ({one['device']}), {one['bytes'] / 1e6:.1f} MB."
    )


def _threads(measured: Sequence[Mapping[str, Any]]) -> str:
    """The number of threads whose times are drawn: the most with which all were measured, as they were with one."""
    return max(set.intersection(*(set(one["ms"]) for one in measured)), key=int)


def _measured(results: Sequence[Result]) -> Iterator[tuple[Result, str, Mapping[str, Any]]]:
    """The forms that were measured and have an mAP."""
    for result in results:
        for name, one in result.measured.items():
            if "ms" in one and one["mAP"] is not None:
                yield result, name, one

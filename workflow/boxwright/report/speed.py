"""Accuracy against speed and size: helps to choose among several models."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boxwright.report import comparison, style
from boxwright.report.results import Result


@style.drawing
def plot(results: Sequence[Result]) -> Figure:
    """The chosen metric against the time for an image; a marker's area is the size of the main form.

    The markers are numbered, highest first, since names would overlap where models are close. One model alone, or the
    only one whose metric is defined, is a sentence.
    """
    found = comparison.repeats(results)
    drawn = [(one, style.model_colour(index)) for index, one in enumerate(found) if one.mean is not None]
    if not drawn:
        return style.message("n/a: the metric is undefined for every model.")
    name = results[0].choice["metric"].rpartition("/")[2]
    if len(drawn) == 1 and len(drawn[0][0].members) == 1:
        one, device = drawn[0][0], results[0].device
        which = "There is one model" if len(found) == 1 else f"{name} is defined for one model, {style.short(one.name)}"
        return style.message(
            f"{which}: {name} {one.mean:.3f}, {one.milliseconds:.1f} ms per image ({device}), {one.megabytes:.1f} MB."
        )
    drawn.sort(key=lambda pair: -pair[0].mean)
    figure, ((axes,),) = style.canvas(4.8)
    largest = max(one.megabytes for one in found)
    for place, (one, colour) in enumerate(drawn, start=1):
        _mark(axes, place, one, colour, area=30 + 370 * one.megabytes / largest)
    legend = axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        title=f"highest first, {results[0].main_title}",
        alignment="left",
        labelcolor=style.INK,
        handletextpad=0.2,
    )
    legend.get_title().set_color(style.MUTED)
    members = [member for one, _ in drawn for member in one.members if member.value is not None]
    axes.set_xlim(0, 1.15 * max(member.milliseconds for member in members))
    ends = [end for one, _ in drawn for end in one.quality.range or ()] + [member.value for member in members]
    axes.set_ylim(max(-0.02, min(ends) - 0.1), min(1.02, max(ends) + 0.1))
    devices = " or ".join(dict.fromkeys(one.device for one in results))
    turns = ", measured in turns" if results[0].timed else ""
    axes.set_xlabel(f"milliseconds per image (median{turns}; {devices})")
    axes.set_ylabel(name)
    return figure


def _mark(axes: Axes, place: int, one: comparison.Repeats, colour: str, area: float) -> None:
    """A family's marker with its number, its uncertainty, its seeds, and its line in the legend."""
    where = (one.milliseconds, one.mean)
    label = f"{place}  {style.short(one.name)}, {one.megabytes:.1f} MB"
    axes.plot([], [], "o", ms=7, mew=0, color=colour, label=label)
    if ends := one.quality.range:
        axes.errorbar(*where, yerr=[[one.mean - ends[0]], [ends[1] - one.mean]], color=colour, lw=1.8)
    axes.scatter(*where, s=area, color=colour, alpha=0.85, linewidths=0, zorder=3)
    if len(one.members) > 1:
        points = [(member.milliseconds, member.value) for member in one.members if member.value is not None]
        axes.plot(*zip(*points, strict=True), "o", ms=3.5, color=style.INK, zorder=4)
    offset = (area**0.5 / 2 + 3, 0)
    axes.annotate(str(place), where, offset, textcoords="offset points", va="center", fontsize=9, zorder=5)

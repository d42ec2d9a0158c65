"""Models side by side: how good, how fast, how large; repeats over seeds as mean and spread."""

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from boxwright.figures import html, metrics, style
from boxwright.figures.results import Result

COLUMNS = (
    "model",
    "family",
    "seed",
    "step",
    "metric",
    "value",
    "low",
    "high",
    "mAP",
    "mAP50",
    "AR100",
    "ms_per_image",
    "megabytes",
    "weights",
)


@dataclass(frozen=True)
class Family:
    """A model with its repeats over seeds; `mean` and `spread` (standard deviation) are those of the chosen metric.

    `mean` is None where the metric is undefined, `spread` where there are not two values.
    """

    name: str
    members: list[Result]
    mean: float | None
    spread: float | None
    milliseconds: float
    megabytes: float

    @property
    def interval(self) -> Mapping | None:
        """The confidence interval of a model that was trained once."""
        return self.members[0].interval if len(self.members) == 1 else None


def families(results: Sequence[Result]) -> list[Family]:
    """The models by family, in the order of the configuration."""
    grouped: dict[str, list[Result]] = {}
    for one in results:
        grouped.setdefault(one.family, []).append(one)
    return [_family(name, members) for name, members in grouped.items()]


def best(found: Sequence[Family]) -> Family | None:
    """The family with the best mean, the smallest of equals; None where no mean is defined."""
    defined = [one for one in found if one.mean is not None]
    return max(defined, key=lambda one: (one.mean, -one.megabytes), default=None)


def to_csv(results: Sequence[Result]) -> str:
    """One line per model with the columns COLUMNS; an undefined number is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in results:
        values, interval = one.chosen["metrics"], one.interval or {}
        row = [one.name, one.family, one.seed, one.choice["step"], one.choice["metric"], one.value]
        row += [interval.get("low"), interval.get("high")]
        row += [values.get(name) for name in (metrics.MAP, metrics.MAP50, metrics.AR100)]
        row += [one.milliseconds, round(one.megabytes, 3), one.export["weights"]]
        writer.writerow(["" if value is None else value for value in row])
    return file.getvalue()


def page(results: Sequence[Result]) -> bytes:
    """The comparison as a page: one line per family."""
    found, first = families(results), best(families(results))
    metric = results[0].choice["metric"].rpartition("/")[2]
    rows = [
        (
            html.dot(style.model_colour(index), one.name),
            ", ".join(str(member.seed) for member in one.members),
            html.bar(style.number(one.mean), one.mean),
            _uncertainty(one),
            f"{one.milliseconds:.1f}",
            f"{one.megabytes:.1f}",
        )
        for index, one in enumerate(found)
    ]
    mark = [found.index(first)] if first and len(found) > 1 else []
    head = ("model", "seeds", metric, "uncertainty", "ms per image", "MB")
    return html.page(
        "Models compared",
        html.paragraph(
            f"The exported checkpoint of each model on the held-out images. {metric} runs from 0 to 1; more is better."
        ),
        html.table(head, rows, mark=mark, text=(1, 3)),
        html.paragraph(
            "Uncertainty: ± is the standard deviation over seeds; a range holds the value with the stated confidence "
            "if other images of the same kind had been held out. Differences within it mean nothing.",
            note=True,
        ),
    )


def exports(results: Sequence[Result]) -> bytes:
    """The exported detectors as a page: files, sizes, speed, and the proof that all forms agree."""
    rows = []
    for one in results:
        sizes, proof, quartiles = (one.export[key] for key in ("bytes", "same_detections", "ms_quartiles"))
        share = min((form["share"] for form in proof.values()), default=1.0)
        rows.append(
            (
                one.name,
                f"{one.choice['step']:,}",
                f"{one.export['weights']:,}",
                *(f"{sizes[form] / 1e6:.1f}" for form in ("frozen_graph", "saved_model", "checkpoint")),
                f"{one.milliseconds:.1f} ({quartiles[0]:.1f} to {quartiles[1]:.1f})",
                one.export["device"],
                f"{share:.1%} on {one.export['images']} images",
            )
        )
    head = ("model", "step", "weights", "frozen graph, MB", "SavedModel, MB", "checkpoint, MB", "ms per image")
    return html.page(
        "What was exported",
        html.paragraph(
            "Each model as a frozen graph, a SavedModel and a checkpoint with its pipeline.config, in "
            "models/<name>/fine_tuned_model. All three were run on held-out images before they were kept."
        ),
        html.table((*head, "on", "same detections"), rows, text=(7,)),
        html.paragraph(
            "Milliseconds are the median (and quartiles) for one image at a time through the frozen graph.", note=True
        ),
        html.heading("Why these checkpoints"),
        html.table(
            ("model", "step", "reason"),
            [(one.name, f"{one.choice['step']:,}", one.choice["reason"]) for one in results],
            text=(2,),
        ),
    )


@style.drawing
def speed(results: Sequence[Result]) -> Figure:
    """Accuracy against time per image; a marker's area is the size of the frozen graph."""
    found = families(results)
    drawn = sorted(
        [(index, one) for index, one in enumerate(found) if one.mean is not None], key=lambda pair: -pair[1].mean
    )
    if not drawn:
        return style.message("n/a: the metric is undefined for every model.")
    figure, ((axes,),) = style.canvas(4.8)
    largest = max(one.megabytes for one in found)
    for place, (index, one) in enumerate(drawn, start=1):
        colour, area = style.model_colour(index), 30 + 370 * one.megabytes / largest
        low, high = _range(one)
        label = f"{place}  {style.short(one.name)}, {one.megabytes:.1f} MB"
        axes.plot([], [], "o", ms=7, mew=0, color=colour, label=label)
        axes.errorbar(one.milliseconds, one.mean, yerr=[[one.mean - low], [high - one.mean]], color=colour, lw=1.8)
        axes.scatter(one.milliseconds, one.mean, s=area, color=colour, alpha=0.85, linewidths=0, zorder=3)
        if len(one.members) > 1:
            points = [(member.milliseconds, member.value) for member in one.members if member.value is not None]
            axes.plot(*zip(*points, strict=True), "o", ms=3.5, color=style.INK, zorder=4)
        offset = (area**0.5 / 2 + 3, 0)
        axes.annotate(
            str(place),
            (one.milliseconds, one.mean),
            offset,
            textcoords="offset points",
            va="center",
            fontsize=9,
            zorder=5,
        )
    legend = axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        title="best first, frozen graph",
        alignment="left",
        labelcolor=style.INK,
        handletextpad=0.2,
    )
    legend.get_title().set_color(style.MUTED)
    axes.set_xlim(0, 1.15 * max(one.milliseconds for _, one in drawn))
    ranges = [_range(one) for _, one in drawn]
    axes.set_ylim(max(0.0, min(low for low, _ in ranges) - 0.1), min(1.02, max(high for _, high in ranges) + 0.1))
    devices = " or ".join(dict.fromkeys(one.export["device"] for one in results))
    axes.set_xlabel(f"milliseconds per image (median; {devices})")
    axes.set_ylabel(results[0].choice["metric"].rpartition("/")[2])
    return figure


def _family(name: str, members: list[Result]) -> Family:
    values = [one.value for one in members if one.value is not None]
    return Family(
        name,
        members,
        statistics.mean(values) if values else None,
        statistics.stdev(values) if len(values) > 1 else None,
        statistics.median(one.milliseconds for one in members),
        statistics.median(one.megabytes for one in members),
    )


def _range(one: Family) -> tuple[float, float]:
    """What the error bar of a family spans."""
    if one.spread is not None:
        return one.mean - one.spread, one.mean + one.spread
    if one.interval:
        return min(one.interval["low"], one.mean), max(one.interval["high"], one.mean)
    return one.mean, one.mean


def _uncertainty(one: Family) -> str:
    if one.spread is not None:
        return f"± {one.spread:.3f} over {len(one.members)} seeds"
    if one.interval:
        return f"{one.interval['low']:.3f} to {one.interval['high']:.3f} ({one.interval['level']:.0%})"
    return one.members[0].analysis.get("interval_reason") or "n/a"

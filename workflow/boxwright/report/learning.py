"""Learning curves: loss terms, metrics of the checkpoints and the learning rate over the steps of one training."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from boxwright.core import decimals
from boxwright.report import metrics as names
from boxwright.report import style

TOTAL, PREFIX = "Loss/total_loss", "Loss/"
# Metrics of the checkpoints: name, label, colour.
_SHOWN = (
    (names.MAP50, "mAP at IoU 0.5", style.GOOD),
    (names.MAP, "mAP over IoU 0.5 to 0.95", style.BAD),
    (names.AR100, "average recall", style.PLAIN),
)
_STAGES = {"RPNLoss": "proposals: ", "BoxClassifierLoss": "boxes: "}


@style.drawing
def curves(log: Sequence[Mapping[str, float]], evaluations: Sequence[Mapping[str, Any]], chosen: int | None) -> Figure:
    """Learning curves. log: lines of log.jsonl; evaluations: metrics.json of each step; chosen: the exported step."""
    if not log:
        return style.message("The training log holds no step.")
    figure, axes = style.canvas(6.6, rows=3, sharex=True, height_ratios=(3, 3, 1.4))
    loss, metric, rate = axes[:, 0]
    if len(log) == 1:
        _sentence(loss, _only_step(log[0]))
        loss.set_title("Training loss")
        _sentence(rate, f"{log[0]['learning_rate']:g} at that step")
    else:
        _losses(loss, log)
        rate.plot([line["step"] for line in log], [line["learning_rate"] for line in log], color=style.PLAIN)
        rate.set_ylim(bottom=0)
        rate.yaxis.set_major_locator(MaxNLocator(3))
        rate.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    _metrics(metric, evaluations, chosen)
    rate.set_title("Learning rate")
    rate.set_xlabel("training step")
    rate.set_xlim(left=0)
    rate.xaxis.set_major_locator(MaxNLocator(integer=True))
    rate.xaxis.set_major_formatter(EngFormatter(sep=""))
    return figure


def term(tag: str) -> str:
    """A loss's tag in words: Loss/RPNLoss/objectness_loss -> proposals: objectness."""
    *groups, name = tag.removeprefix(PREFIX).split("/")
    return _STAGES.get(groups[0] if groups else "", "") + name.removesuffix("_loss").replace("_", " ")


def _losses(axes: Axes, log: Sequence[Mapping[str, float]]) -> None:
    steps = [line["step"] for line in log]
    tags = [tag for tag in log[0] if tag.startswith(PREFIX) and tag != TOTAL]
    axes.plot(steps, [line[TOTAL] for line in log], color=style.INK, label="total")
    for index, tag in enumerate(tags):
        axes.plot(
            steps,
            [line.get(tag, float("nan")) for line in log],
            color=style.model_colour(index),
            lw=1.5,
            label=term(tag),
        )
    axes.set_title("Training loss")
    totals = [line[TOTAL] for line in log]
    top, highest = max(totals[len(totals) // 20 :]), max(totals)
    if highest > 3 * top:
        # The first steps from random weights would squeeze all others to the bottom.
        axes.set_ylim(0, 1.25 * top)
        axes.set_title(f"Training loss (the first values, up to {highest:.3g}, are not shown)")
    else:
        axes.set_ylim(bottom=0)
    _legend(axes)


def _metrics(axes: Axes, evaluations: Sequence[Mapping[str, Any]], chosen: int | None) -> None:
    axes.set_title("Accuracy of the checkpoints on evaluation images")
    measured = [one for one in evaluations if any(one["metrics"].get(name) is not None for name, *_ in _SHOWN)]
    if len(measured) == 1:
        _only(axes, measured[0])
        return
    drawn = False
    for name, label, colour in _SHOWN:
        points = [(one["step"], one["metrics"].get(name)) for one in evaluations]
        points = [point for point in points if point[1] is not None]
        if not points:
            continue
        drawn = True
        axes.plot(*zip(*points, strict=True), color=colour, marker="o", ms=5, label=label)
    axes.set_ylim(0, 1.03)
    if not drawn:
        axes.text(0.5, 0.5, "n/a: no checkpoint has a defined value", ha="center", transform=axes.transAxes)
        return
    if chosen is not None:
        axes.axvline(chosen, color=style.MUTED, lw=1, ls=(0, (4, 3)), zorder=1)
        axes.annotate(
            "exported",
            (chosen, 0.03),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            color=style.MUTED,
            fontsize=9,
        )
    _legend(axes)


def _only(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    """What one checkpoint reaches, as a sentence: a single dot shows nothing."""
    values = [f"{label} {decimals.number(evaluation['metrics'].get(name))}" for name, label, _ in _SHOWN]
    _sentence(axes, f"One checkpoint was measured, at step {evaluation['step']:,}:\n{', '.join(values)}")


def _only_step(line: Mapping[str, float]) -> str:
    """The losses of the only logged step."""
    losses = {"total": line[TOTAL]} | {term(tag): line[tag] for tag in line if tag.startswith(PREFIX) and tag != TOTAL}
    told = ", ".join(f"{name} {value:.3g}" for name, value in losses.items())
    return f"One step was logged, {line['step']:,}:\n{told}"


def _sentence(axes: Axes, text: str) -> None:
    """A text in place of a curve."""
    axes.set_yticks([])
    axes.text(
        *(0.5, 0.5),
        text,
        ha="center",
        va="center",
        color=style.INK,
        transform=axes.transAxes,
    )


def _legend(axes: Axes) -> None:
    """Put the legend to the right of the axes, where it covers nothing."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), handlelength=1.3, borderaxespad=0.4, labelcolor=style.INK)

"""The text of the report's first page: the question, the data and the answer, in reStructuredText."""

import base64
import re
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from boxwright.core import decimals
from boxwright.core.counts import few, plural
from boxwright.report import advice, comparison, scores
from boxwright.report.quality import LEVEL, Quality, unsure
from boxwright.report.results import Result

_MOST_NAMES = 8
_LONGEST_LINE = 5000
# What is to be typed, in backticks as reStructuredText can have them: between spaces or signs, and with none inside.
_CODE = re.compile(r"(?<![^\s(])`([^\s`](?:[^`]*[^\s`])?)`(?![^\s).,:;!?])")


def text(
    statistics: Mapping[str, Any],
    results: Sequence[Result],
    optimism: Mapping[str, Any] | None = None,
    strips: Mapping[str, bytes] | None = None,
    limit: int = 10,
    lacking: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """reStructuredText about the data (statistics.json) and the models; a table holds at most `limit` lines.

    optimism: the content of optimism.json, if it was measured. strips: by model, a JPEG of some images with detections
    (`pictures.strip`).
    lacking: by model, what its training lacked, in words.
    """
    found = comparison.repeats(results)
    sides = statistics["train"], statistics["eval"]
    question = (
        f"Which objects ({_names(list(statistics['classes']))}) are in an image, where are they, and how far can the "
        "answer be trusted?"
    )
    unseen = "" if results[0].without_near_duplicates else ", which it never saw,"
    data = (
        f"{_counted(sides[0], 'annotated image')} trained the detector. "
        f"{_counted(sides[1], 'evaluation image')}{unseen} measured it."
    )
    if tested := statistics.get("test"):
        data += f" When everything was chosen, {_counted(tested, 'test image')} tested what was exported."
    parts = [
        _titled(_escaped(_title(list(statistics["classes"]))), "", "="),
        _titled("The question", _escaped(question)),
        _titled("The data", data),
        _titled("The answer", _verdict(found, results[0].choice["metric"], optimism)),
    ]
    if len(found) > 1:
        parts.append(_table(found[:limit], len(found) - limit))
    if first := comparison.best(found):
        member = first.members[0]
        if strips:
            parts.append(_picture(strips[member.name], member.analysis["score_threshold"]))
        parts += [_titled("Every class", _classes(member, limit)), _titled("What to do next", _advice(member, lacking))]
    return "\n\n".join(parts) + "\n"


def _counted(side: Mapping[str, Any], noun: str) -> str:
    """How many images and boxes a side of the split has."""
    return f"{plural(side['images'], noun)} with {plural(side['boxes'], 'box', 'boxes')}"


def _verdict(found: Sequence[comparison.Repeats], metric: str, optimism: Mapping[str, Any] | None) -> str:
    first = comparison.best(found)
    name = metric.rpartition("/")[2]
    if first is None:
        reason = found[0].members[0].chosen["undefined"].get(metric, "the metric is undefined")
        return f"{name} is n/a: {_escaped(reason)}. The quality of the detector is unknown."
    subject = "The detector" if len(found) == 1 else f"Of {len(found)} models"
    steps = sorted({member.choice["step"] for member in first.members})
    at = f"step {steps[0]:,}" if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"
    title = first.members[0].main_title
    if tested := first.tested:
        verb = _leads(found, first, " on the evaluation images")
        sentence = f"{subject} {verb} {_figure(name, tested)} on the test images"
        more = (
            f" These images neither trained nor chose it: the {title} of {at} was run on them once. On "
            f"the evaluation images, which chose the checkpoint{_models(found)}, it reaches "
            f"{decimals.number(first.mean)}."
        )
        if tested.mean is None:
            reason = first.members[0].tested.metrics["undefined"].get(metric, "the metric is undefined")
            more = f" It is undefined there: {_escaped(reason)}.{more}"
    else:
        verb = _leads(found, first)
        sentence = f"{subject} {verb} {_figure(name, first.quality, at)} on the evaluation images"
        more = _flattered(found, optimism) if optimism else ""
    more = _unsure(first, metric) + more + _without_near_duplicates(first, metric) + _untold(found, first)
    return (
        f"{sentence}.{more} Its {title} is {first.megabytes:.1f} MB and takes {first.milliseconds:.1f} ms "
        f"per image ({first.members[0].device}).{_reliable(first)}"
    )


def _unsure(first: comparison.Repeats, metric: str) -> str:
    """That the images that measured do not tell how sure the figure is; "" if they do."""
    analysis = (first.members[0].tested or first.members[0]).analysis
    ours = len(first.members) == 1 and metric == (analysis["interval"] or {}).get("metric")
    told = unsure(analysis) if ours or not analysis["interval"] else ""
    return f" {told}" if told else ""


def _leads(found: Sequence[comparison.Repeats], first: comparison.Repeats, where: str = "") -> str:
    """The words between "Of 3 models" and the figure. Best is only what the uncertainties tell from the others."""
    if len(found) == 1:
        return "reaches"
    lead = "has the highest figure" if comparison.rivals(found) else "is best"
    return f"**{_escaped(first.name)}** {lead}{where}: it reaches"


def _untold(found: Sequence[comparison.Repeats], first: comparison.Repeats) -> str:
    """Which models the figures do not tell from the first one."""
    rivals = comparison.rivals(found)
    if not rivals:
        return ""
    if all(one.quality.interval for one in (first, *rivals)):
        why = "their uncertainties overlap"
        more = "measure on more images" + " and train with more seeds" * any(len(one.members) > 1 for one in found)
    elif any(member.analysis.get("interval_reason") for one in (first, *rivals) for member in one.members):
        why, more = "the images are too few", "measure on more images"
    else:
        why, more = "how sure the figures are is not known", "train each with several seeds"
    names = few([_escaped(one.name) for one in rivals], _MOST_NAMES)
    return (
        f" No difference between {_escaped(first.name)} and {names} can be told: {why}. Take the faster or the smaller "
        f"one, or {more}."
    )


def _picture(jpeg: bytes, threshold: float) -> str:
    """The strip of images in the text itself, and what its lines are."""
    # docutils refuses longer lines and joins these.
    data = "\n   ".join(textwrap.wrap(base64.b64encode(jpeg).decode(), _LONGEST_LINE))
    about = "Evaluation images with detections: two typical ones and the two worst"
    lines = f"Full lines: detections with a score of at least {threshold:g}. Dashed lines: objects that were missed."
    return f".. image:: data:image/jpeg;base64,{data}\n   :alt: {about}\n   :width: 100%\n\n{about}. {lines}"


def _classes(one: Result, limit: int) -> str:
    """The table of the classes with their intervals; of more than `limit` the worst."""
    rows = [row for row in one.analysis["classes"] if row["AP50"] is not None]
    left = len(one.analysis["classes"]) - len(rows)
    worst = sorted(rows, key=lambda row: row["AP50"])[:limit]
    shown = [row for row in rows if row in worst]
    lines = [("class", "AP at IoU 0.5", "uncertainty", "boxes")]
    for row in shown:
        sure = decimals.ends(row["AP50_interval"])
        lines.append((_escaped(row["name"]), decimals.number(row["AP50"]), sure, f"{row['boxes']:,}"))
    said = ["On the evaluation images:", _listed(lines)]
    if len(rows) > len(shown):
        said.append(f"These are the {len(shown)} worst of {len(rows)} classes.")
    if left:
        said.append(f"Without a box there: {left} of {left + len(rows)} classes.")
    return "\n\n".join(said)


def _advice(one: Result, lacking: Mapping[str, str]) -> str:
    advised = advice.text(one.analysis, lacking=lacking.get(one.name, ""))
    return _with_code(f"{advice.counted(one.analysis)} {advised}")


def _reliable(best: comparison.Repeats) -> str:
    """From which score on the detections of the best model can be relied on; of repetitions each has its own score."""
    if len(best.members) > 1:
        return ""
    return "\n\n" + _escaped(scores.said(best.members[0].analysis["scores"]))


def _figure(name: str, quality: Quality, at: str = "") -> str:
    """The figure, at which step, and how sure it is."""
    told = f"{name} **{decimals.number(quality.mean)}**" + (f" at {at}" if at else "")
    if not decimals.spreads(quality.interval):
        return told
    seeds = f", over {quality.seeds} seeds" if quality.seeds > 1 else ""
    return f"{told} ({LEVEL:.0%} confidence: {decimals.ends(quality.interval)}{seeds})"


def _models(found: Sequence[comparison.Repeats]) -> str:
    return " and the model" if len(found) > 1 else ""


def _flattered(found: Sequence[comparison.Repeats], optimism: Mapping[str, Any]) -> str:
    """That the images which measured also chose, and how much that adds to the figure."""
    models = sum(len(one.members) for one in found)
    chosen = ["the checkpoint"] * (optimism["checkpoints"] > models) + ["the model"] * (len(found) > 1)
    if not chosen:
        return " The images that it was measured on chose nothing: there was one checkpoint to measure."
    value = optimism["optimism"]
    said = f" This figure comes from the images that chose {' and '.join(chosen)}, which flatters it"
    advice = "``dataset.split.test_fraction`` holds images back for a figure that is not flattered."
    if value is None:
        return f"{said}; by how much was not measured: {_escaped(optimism['reason'])}. {advice}"
    how = "as choosing again on resampled images and measuring on those left out shows"
    about = "about " if value >= decimals.LEAST else ""
    return f"{said} by {about}{decimals.excess(value)}, {how}. {advice}"


def _without_near_duplicates(one: comparison.Repeats, metric: str) -> str:
    """What the model reaches without evaluation images that it has seen in training; "" if there are none."""
    measured = one.members[0].without_near_duplicates
    if measured is None:
        return ""
    left_out, name = len(measured["left_out"]), metric.rpartition("/")[2]
    show = plural(left_out, "evaluation image shows", "evaluation images show")
    return (
        f" But {show} the same as a training image, which flatters the detector: on the other "
        f"{measured['images']:,} it reaches {name} **{decimals.number(one.mean_without_near_duplicates)}**."
    )


def _table(found: Sequence[comparison.Repeats], left_out: int) -> str:
    metric = found[0].members[0].choice["metric"].rpartition("/")[2]
    tested = all(one.tested for one in found)
    figures = [f"{metric} on test images", "on evaluation images"] if tested else [metric]
    qualities = [[one.tested, one.quality] if tested else [one.quality] for one in found]
    sure = f" ({LEVEL:.0%} confidence)" if any(quality.interval for row in qualities for quality in row) else ""
    rows = [("model", *(f"{figure}{sure}" for figure in figures), "ms per image", "MB")]
    for one, measured in zip(found, qualities, strict=True):
        rows.append((_escaped(one.name), *map(_cell, measured), f"{one.milliseconds:.1f}", f"{one.megabytes:.1f}"))
    more = f"\n\nand {left_out} more in the comparison." if left_out > 0 else ""
    return _listed(rows) + more


def _cell(quality: Quality) -> str:
    """The figure and its interval, if there is one."""
    sure = f" ({decimals.ends(quality.interval)})" if decimals.spreads(quality.interval) else ""
    return decimals.number(quality.mean) + sure


def _listed(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if not index else ' '} - {cell}" for index, cell in enumerate(row)]
    return "\n".join(lines)


def _names(names: list[str]) -> str:
    shown = names if len(names) <= _MOST_NAMES else [*names[:_MOST_NAMES], f"{len(names) - _MOST_NAMES} others"]
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _title(names: list[str]) -> str:
    if len(names) > _MOST_NAMES // 2:
        return f"A detector of {len(names)} kinds of objects"
    return f"A detector of {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}"


def _titled(title: str, body: str, line: str = "-") -> str:
    # Letters of some scripts take two columns; the line may be longer than the title, but not shorter.
    return f"{title}\n{line * (2 * len(title))}\n\n{body}"


def _with_code(text: str) -> str:
    """A text of the terminal, in which what is to be typed stands in backticks, as reStructuredText."""
    return "".join(f"``{part}``" if odd % 2 else _escaped(part) for odd, part in enumerate(_CODE.split(text)))


def _escaped(text: str) -> str:
    """The text with its markup characters escaped."""
    return "".join(f"\\{letter}" if letter in "\\*`_|" else letter for letter in text)

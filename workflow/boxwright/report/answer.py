"""The text of the report's first page: the question, the data and the answer, in reStructuredText."""

from collections.abc import Mapping, Sequence
from typing import Any

from boxwright.catalog import forms
from boxwright.report import comparison, style
from boxwright.report.results import Result

_MOST_NAMES = 8


def text(statistics: Mapping[str, Any], results: Sequence[Result], limit: int = 10) -> str:
    """reStructuredText about the data (statistics.json) and the models; the table holds at most `limit` of them."""
    found = comparison.repeats(results)
    sides = statistics["train"], statistics["eval"]
    question = (
        f"Which objects ({_names(list(statistics['classes']))}) are in an image, where are they, and how far can the "
        "answer be trusted?"
    )
    unseen = "" if results[0].without_near_duplicates else ", which it never saw,"
    data = (
        f"{sides[0]['images']:,} annotated images with {sides[0]['boxes']:,} boxes trained the detector. "
        f"{sides[1]['images']:,} other images with {sides[1]['boxes']:,} boxes{unseen} measured it."
    )
    parts = [
        _titled(_escaped(_title(list(statistics["classes"]))), "", "="),
        _titled("The question", _escaped(question)),
        _titled("The data", data),
        _titled("The answer", _verdict(found, results[0].choice["metric"])),
    ]
    if len(found) > 1:
        parts.append(_table(found[:limit], len(found) - limit))
    return "\n\n".join(parts) + "\n"


def _verdict(found: Sequence[comparison.Repeats], metric: str) -> str:
    first = comparison.best(found)
    name = metric.rpartition("/")[2]
    if first is None:
        reason = found[0].members[0].chosen["undefined"].get(metric, "the metric is undefined")
        return f"{name} is n/a: {_escaped(reason)}. The quality of the detector is unknown."
    subject = "The detector" if len(found) == 1 else f"Of {len(found)} models"
    verb = "reaches" if len(found) == 1 else f"**{_escaped(first.name)}** is best: it reaches"
    steps = sorted({member.choice["step"] for member in first.members})
    at = f"step {steps[0]:,}" if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"
    sentence = f"{subject} {verb} {name} **{style.number(first.mean)}** at {at}"
    if first.spread is not None:
        sentence += f" (± {first.spread:.3f} over {len(first.members)} seeds)"
    elif first.interval:
        low, high, level = (first.interval[key] for key in ("low", "high", "level"))
        sentence += f" ({level:.0%} confidence: {low:.3f} to {high:.3f})"
    sentence += f". {near}" if (near := _without_near_duplicates(first, metric)) else ""
    return (
        f"{sentence}. Its {forms.MAIN.title} is {first.megabytes:.1f} MB and takes {first.milliseconds:.1f} ms per "
        f"image ({first.members[0].device})."
    )


def _without_near_duplicates(one: comparison.Repeats, metric: str) -> str:
    """What the model reaches without evaluation images that it has seen in training; "" if there are none."""
    measured = one.members[0].without_near_duplicates
    if measured is None:
        return ""
    left_out, name = len(measured["left_out"]), metric.rpartition("/")[2]
    show = "1 evaluation image shows" if left_out == 1 else f"{left_out:,} evaluation images show"
    return (
        f"But {show} the same as a training image, which flatters the detector: on the other {measured['images']:,} it "
        f"reaches {name} **{style.number(one.mean_without_near_duplicates)}**"
    )


def _table(found: Sequence[comparison.Repeats], left_out: int) -> str:
    metric = found[0].members[0].choice["metric"].rpartition("/")[2]
    rows = [("model", metric, "ms per image", "MB")]
    for one in found:
        value = style.number(one.mean) + (f" ± {one.spread:.3f}" if one.spread is not None else "")
        rows.append((_escaped(one.name), value, f"{one.milliseconds:.1f}", f"{one.megabytes:.1f}"))
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if not index else ' '} - {cell}" for index, cell in enumerate(row)]
    if left_out > 0:
        lines += ["", f"and {left_out} more in the comparison."]
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


def _escaped(text: str) -> str:
    """The text with its markup characters escaped."""
    return "".join(f"\\{letter}" if letter in "\\*`_|" else letter for letter in text)

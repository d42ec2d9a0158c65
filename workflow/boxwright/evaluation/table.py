"""The metrics of one evaluation as a table for the terminal."""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from boxwright.core import decimals
from boxwright.core.least import allowed_for
from boxwright.core.wording import plural
from boxwright.evaluation import names
from boxwright.evaluation.kinds_in_words import WORDS

_PRECISION = (("IoU .50:.95", "mAP"), ("IoU .50", "mAP@.50IOU"), ("IoU .75", "mAP@.75IOU"))
_KEY = names.PRECISION + "mAP@.50IOU"
_SIZES = ("small", "medium", "large")
_SHOWN = ("precision", "recall", "f1")  # at the score from which a detection is shown
_MOST_CLASSES = 100
_MOST_REASONS = 5


def table(result: Mapping[str, Any], analysis: Mapping[str, Any], title: str | None = None) -> str:
    """The lines to print for the contents of a metrics.json and its analysis.json.

    title: what was measured; without it, the model and the step of the checkpoint.
    COCO's twelve numbers; one line per class with its number of boxes; the interval of the mAP, the mAP on training
    images, the mistakes that cost most, and the score from which detections are reliable. Undefined values are `n/a`,
    with the reasons below.
    """
    title = title or f"{result['model']} at step {result['step']}"
    lines = [f"{title}: {plural(result['images'], 'image')}, {plural(result['boxes'], 'box', 'boxes')}", ""]
    lines += [*_twelve(result["metrics"]), "", *_classes(result["metrics"], analysis), ""]
    lines += filter(None, [_interval(result, analysis), _training(result), _mistakes(analysis), _scores(analysis)])
    reasons = _reasons(result, analysis)
    if reasons:
        lines += ["", *(f"n/a: {reason}" for reason in reasons[:_MOST_REASONS])]
        if len(reasons) > _MOST_REASONS:
            lines.append(f"n/a: {plural(len(reasons) - _MOST_REASONS, 'more reason')} in metrics.json")
    return "\n".join(lines)


def figure(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """The key figure in a few words: mAP at IoU 0.5 with its interval."""
    found = analysis["interval"]
    sure = f" ({decimals.ends(found)})" if decimals.spreads(found) and found["metric"] == _KEY else ""
    return f"mAP@.50IOU {decimals.number(result['metrics'][_KEY])}{sure}"


def threshold(score: float) -> str:
    """A score threshold as text, rounded up, since one that is rounded down lets further detections in."""
    return f"{math.ceil(round(score * 1000, 6)) / 1000:.3f}"


def _twelve(values: Mapping[str, float | None]) -> list[str]:
    return _columns(
        [
            ["average precision", *(head for head, _ in _PRECISION), *_SIZES],
            [
                "",
                *(decimals.number(values[names.PRECISION + name]) for _, name in _PRECISION),
                *(decimals.number(values[f"{names.PRECISION}mAP ({size})"]) for size in _SIZES),
            ],
            ["average recall", "1 per image", "10", "100", *_SIZES],
            [
                "",
                *(decimals.number(values[f"{names.RECALL}AR@{limit}"]) for limit in (1, 10, 100)),
                *(decimals.number(values[f"{names.RECALL}AR@100 ({size})"]) for size in _SIZES),
            ],
        ]
    )


def _classes(values: Mapping[str, float | None], analysis: Mapping[str, Any]) -> list[str]:
    at = f"from {analysis['score_threshold']:g}:"
    rows = [["class", "AP", "AP .50", "VOC .50", "AR", at, "precision", "recall", "F1", "boxes"]]
    for one in analysis["classes"][:_MOST_CLASSES]:
        voc = values[names.of_pascal_class(names.PASCAL_PER_CLASS, one["name"])]
        scores = (one["AP"], one["AP50"], voc, one["AR"])
        shown = (decimals.number(one[key]) for key in _SHOWN)
        rows.append([one["name"], *map(decimals.number, scores), "", *shown, str(one["boxes"])])
    means = [names.PRECISION + "mAP", names.PRECISION + "mAP@.50IOU", names.PASCAL_MEAN, names.RECALL + "AR@100"]
    boxes = sum(one["boxes"] for one in analysis["classes"])
    rows.append(["mean", *(decimals.number(values[name]) for name in means), *[""] * 4, str(boxes)])
    lines = _columns(rows)
    if len(analysis["classes"]) > _MOST_CLASSES:
        more = plural(len(analysis["classes"]) - _MOST_CLASSES, "more class", "more classes")
        lines.append(f"({more} in analysis.json)")
    return lines


def _interval(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    found = analysis["interval"]
    if found is None:
        return f"how sure mAP@.50IOU is: n/a, {analysis['interval_reason']}"
    name, value = found["metric"].split("/")[1], result["metrics"][found["metric"]]
    if not decimals.spreads(found):
        return f"{name} {value:.3f}, and the same on any choice of these images, so how sure it is is not known"
    sure = f"{name} {value:.3f}; with other images of this kind {decimals.ends(found)} ({found['level']:.0%} interval)"
    return ". ".join(filter(None, [sure, allowed_for(found["few"])]))


def _training(result: Mapping[str, Any]) -> str | None:
    sample = result.get("training_sample")
    if sample is None:
        return None
    return f"mAP@.50IOU {decimals.number(sample['metrics'][_KEY])} on {plural(sample['images'], 'training image')}"


def _mistakes(analysis: Mapping[str, Any]) -> str | None:
    """The kinds of mistakes that cost most, with the number of each at the score from which detections are shown."""
    ranked = sorted(analysis["errors"], key=lambda error: -(error["cost"] or 0))
    told = [one for one in ranked[:3] if (one["cost"] or 0) >= 0.0005]
    parts = [f"{WORDS[one['kind']]} {one['cost']:.3f} ({one['count']:,})" for one in told]
    at = f"and their number at a score of {analysis['score_threshold']:g}"
    return f"what costs the most mAP@.50IOU, {at}: {', '.join(parts)}" if parts else None


def _scores(analysis: Mapping[str, Any]) -> str:
    """From which score on detections are reliable, all classes together."""
    point = analysis["scores"]["operating_point"]
    if point is None:
        return f"a score that is reliable: n/a, {analysis['scores']['undefined']['operating_point']}"
    return (
        f"from score {threshold(point['score'])} on: precision {point['precision']:.3f} ({decimals.ends(point)}, "
        f"{point['level']:.0%} interval), recall {point['recall']:.3f}"
    )


def _reasons(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> list[str]:
    """Why something in the table is undefined, each reason once."""
    reasons = list(dict.fromkeys(result["undefined"].values()))
    silent = [one["name"] for one in analysis["classes"] if "precision" in one["undefined"]]
    if silent:
        reasons.append(f"no detection of {', '.join(silent)} has a score of {analysis['score_threshold']:g} or more")
    return reasons


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines: the first column aligned left, the others right."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0] + " " * (widths[0] - _width(row[0]))]
        cells += [" " * (width - _width(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _width(text: str) -> int:
    """The width of a text on a terminal, in columns: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )

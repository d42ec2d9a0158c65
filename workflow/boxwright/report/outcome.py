"""The last lines of a run: how good the detectors are, what costs most, where everything is, and what to do next."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from boxwright.catalog import forms
from boxwright.console.progress import duration
from boxwright.core import decimals, files
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.report import advice, quality

MAP = "DetectionBoxes_Precision/mAP"
MAP50 = f"{MAP}@.50IOU"
# Models and classes that get a line of their own, and kinds of errors that are named.
_MOST_LINES, _MOST_KINDS = 10, 3
# A form that loses more than this share of the checkpoint's mAP finds much less: int8 usually loses a few hundredths.
_MUCH = 0.1


def text(
    results: str | Path,
    models: Sequence[str],
    predictions: Sequence[str],
    took_s: float | None = None,
    report: str | None = None,
    lacking: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The last lines of a run of some models, from the files in the results folder; "" if these cannot be read.

    predictions: the names of the folders of a model's predictions. took_s: the seconds that the run took.
    report: what writes the report, in words; None if it is written next, which tells its path.
    lacking: by model, what its training lacked, in words.
    """
    try:
        return "\n".join(_lines(Path(results), models, predictions, took_s, report, lacking))
    except (UserError, OSError, KeyError, TypeError):
        return ""


def _lines(
    folder: Path,
    models: Sequence[str],
    predictions: Sequence[str],
    took_s: float | None,
    report: str | None,
    lacking: Mapping[str, str],
) -> list[str]:
    measured = {name: _measured(folder / "models" / name) for name in models}
    best = max(measured, key=lambda name: -1.0 if (value := measured[name].value) is None else value)
    evaluated = measured[best].evaluated
    shown = sorted(measured, key=lambda name: name != best)[:_MOST_LINES]
    lines = [f"Finished in {duration(took_s)}." if took_s is not None else "Finished."]
    for name in shown:
        lines.append(_model(name, measured[name]))
        lines += _classes(measured[best].analysis) if name == best else ()
    lines += [f"and {plural(len(measured) - len(shown), 'more model')}"] * (len(measured) > len(shown))
    if costs := advice.costs(evaluated)[:_MOST_KINDS]:
        whose = f"{best} " if len(measured) > 1 else ""
        lines.append(
            f"What costs {whose}the most mAP@.50IOU on the evaluation images: "
            f"{', '.join(f'{what} {cost:.3f}' for what, cost in costs)}."
        )
    place = folder / "models" / best
    lines.append(f"Detector:    {place / forms.FOLDER}")
    lines.append(f"Predictions: {few([str(place / one) for one in predictions])}")
    lines += [*_poor_forms(place / forms.FOLDER / forms.MEASURED), *_empty(place / one for one in predictions)]
    if report:
        lines.append(f"Report:      {folder / 'report.html'} ({report})")
    return [*lines, f"Next: {advice.text(evaluated, costs_told=True, lacking=lacking.get(best, ''))}"]


class _Measured(NamedTuple):
    """What was measured of a model's exported checkpoint.

    `metrics` and `analysis` are the contents of metrics.json and analysis.json of the images of `side`: the test images
    if there are any, else the evaluation images. These alone compare models and advise, since images that choose
    anything are no test any more: `evaluated` is their analysis.json, `value` their value of the metric that chose.
    """

    side: str
    step: int
    metrics: Mapping[str, Any]
    analysis: Mapping[str, Any]
    evaluated: Mapping[str, Any]
    value: float | None


def _measured(folder: Path) -> _Measured:
    choice = files.read_json(folder / "choice.json")
    main = files.read_json(folder / forms.FOLDER / forms.SUMMARY)["main"]
    tested, evaluated = folder / "test" / main, folder / "eval" / str(choice["step"])
    found = {"test": tested, "evaluation": evaluated}
    side = next(side for side, place in found.items() if side == "evaluation" or (place / "metrics.json").is_file())
    metrics, analysis = (files.read_json(found[side] / f"{name}.json") for name in ("metrics", "analysis"))
    value = files.read_json(evaluated / "metrics.json")["metrics"].get(choice["metric"])
    return _Measured(side, choice["step"], metrics, analysis, files.read_json(evaluated / "analysis.json"), value)


def _model(name: str, one: _Measured) -> str:
    """A line about one model: its mAP with the confidence interval of the metric that has one, if it has one."""
    values, interval = one.metrics["metrics"], one.analysis.get("interval")
    told = f"mAP@.50IOU {decimals.number(values.get(MAP50))}"
    if decimals.spreads(interval) and values.get(MAP50) is not None:
        told += f" ({interval['level']:.0%} confidence: {decimals.ends(interval)})"
    told += f", mAP {decimals.number(values.get(MAP))}"
    line = f"{name}: {told}, step {one.step:,}, on {plural(one.metrics['images'], f'{one.side} image')}"
    return line if values.get(MAP50) is None else ". ".join(filter(None, [line, quality.unsure(one.analysis)]))


def _poor_forms(path: Path) -> Iterator[str]:
    """A sentence for each form of a forms.json that finds much less than the checkpoint that it is made from."""
    measured = files.read_json(path)["forms"] if path.is_file() else {}
    for name, one in measured.items():
        lost, value = one.get("lost"), one.get("mAP50")
        if lost is not None and value is not None and lost > _MUCH * (value + lost):
            yield (
                f"The {forms.named(name).title} finds much less than the checkpoint: its mAP@.50IOU is "
                f"{decimals.number(value)}, and the checkpoint's is {decimals.number(value + lost)}."
            )


def _empty(folders: Iterable[Path]) -> Iterator[str]:
    """A sentence for each folder of predictions without a single box."""
    for folder in folders:
        paths = list(folder.rglob("*.json"))
        if paths and not any(files.read_json(path)["detections"] for path in paths):
            yield f"No box is drawn in {folder}: no detection has a score of at least `predict.score_threshold`."


def _classes(analysis: Mapping[str, Any]) -> Iterator[str]:
    """A line for each class; of more than fit, the worst."""
    rows = [row for row in analysis["classes"] if row["AP50"] is not None]
    if len(rows) < 2:
        return
    shown = sorted(rows, key=lambda row: row["AP50"])[:_MOST_LINES]
    width = max(len(row["name"]) for row in shown)
    for row in rows:
        if row in shown:
            interval = row.get("AP50_interval")
            sure = f" ({decimals.ends(interval)})" if decimals.spreads(interval) else ""
            boxes = plural(row["boxes"], "box", "boxes")
            yield f"  {row['name']:<{width}}  AP {decimals.number(row['AP50'])}{sure}, {boxes}"
    if len(rows) > len(shown):
        yield f"  These are the {len(shown)} worst of {len(rows)} classes."

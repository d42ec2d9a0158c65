"""Models side by side: how good, how fast, how large; repeats over seeds as their mean."""

import csv
import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boxwright.catalog import forms
from boxwright.core import decimals
from boxwright.core.least import allowed_for
from boxwright.report import html, metrics, quality, style
from boxwright.report.quality import Quality
from boxwright.report.results import Result

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
# These follow where there is a test side.
TEST_COLUMNS = ("test_form", "test_images", "test_value", "test_low", "test_high")

# The numbers of threads with which forms are timed, as in forms.json.
_THREADS = ("1", "2")


@dataclass(frozen=True)
class Repeats:
    """A model with its repeats over seeds; `quality` is that of the chosen metric on the evaluation images."""

    name: str
    members: list[Result]
    quality: Quality
    milliseconds: float
    megabytes: float

    @property
    def mean(self) -> float | None:
        """The mean of the chosen metric on the evaluation images; None if it is undefined."""
        return self.quality.mean

    @property
    def tested(self) -> Quality | None:
        """The quality of the exported detectors on the test images; None without a test side."""
        measured = [one.tested for one in self.members]
        if not all(measured):
            return None
        metric = self.members[0].choice["metric"]
        return quality.of([one.value(metric) for one in measured], [one.interval(metric) for one in measured])

    @property
    def mean_without_near_duplicates(self) -> float | None:
        """The mean without evaluation images that show the same as a training image; None if it is undefined."""
        measured = [one.without_near_duplicates for one in self.members if one.without_near_duplicates]
        values = [one["metrics"].get(self.members[0].choice["metric"]) for one in measured]
        values = [value for value in values if value is not None]
        return statistics.mean(values) if values else None


def repeats(results: Sequence[Result]) -> list[Repeats]:
    """The models with their repeats over seeds, in the order of the configuration."""
    grouped: dict[str, list[Result]] = {}
    for one in results:
        grouped.setdefault(one.family, []).append(one)
    return [_repeats(name, members) for name, members in grouped.items()]


def best(found: Sequence[Repeats]) -> Repeats | None:
    """The model with the best mean, the smallest among equals; None if no mean is defined."""
    defined = [one for one in found if one.mean is not None]
    return max(defined, key=lambda one: (one.mean, -one.megabytes), default=None)


def rivals(found: Sequence[Repeats]) -> list[Repeats]:
    """The models that cannot be told from the best one (`Quality.told_from`). Empty if it is alone."""
    first = best(found)
    if first is None:
        return []
    others = [one for one in found if one is not first and one.mean is not None]
    return [one for one in others if not first.quality.told_from(one.quality)]


def to_csv(results: Sequence[Result]) -> str:
    """One line per model with the columns COLUMNS; an undefined number is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    tested = any(one.tested for one in results)
    writer.writerow([*COLUMNS, *(TEST_COLUMNS if tested else ())])
    for one in results:
        values, interval = one.chosen["metrics"], one.interval or {}
        row = [one.name, one.family, one.seed, one.choice["step"], one.choice["metric"], one.value]
        row += [interval.get("low"), interval.get("high")]
        row += [values.get(name) for name in (metrics.MAP, metrics.MAP50, metrics.AR100)]
        row += [one.milliseconds, round(one.megabytes, 3), one.export["weights"]]
        row += _test_cells(one) if tested else []
        writer.writerow(["" if value is None else value for value in row])
    return file.getvalue()


def page(results: Sequence[Result], optimism: Mapping[str, Any] | None = None) -> bytes:
    """The comparison as a page: one line per family; `optimism` is the content of optimism.json, if it was measured."""
    found, first = repeats(results), best(repeats(results))
    metric = results[0].choice["metric"].rpartition("/")[2]
    tested = all(one.tested for one in found)
    rows = [
        (
            html.dot(style.model_colour(index), one.name),
            ", ".join(str(member.seed) for member in one.members),
            *(_test_columns(one) if tested else ()),
            html.bar(decimals.number(one.mean), one.mean),
            _uncertainty(one),
            *([decimals.excess(optimism["models"][one.name])] if optimism else ()),
            f"{one.milliseconds:.1f}",
            f"{one.megabytes:.1f}",
        )
        for index, one in enumerate(found)
    ]
    # Only a model that the uncertainties tell from all others is marked as the best.
    mark = [found.index(first)] if first and len(found) > 1 and not rivals(found) else []
    head = ["model", "seeds", metric, "uncertainty", *(["optimism"] if optimism else ()), "ms per image", "MB"]
    about = (
        f"The exported checkpoint of each model on the evaluation images. {metric} is from 0 to 1; higher is better."
    )
    if tested:
        head[2:4] = [f"{metric} on test images", "uncertainty", f"{metric} on evaluation images", "uncertainty"]
        images = results[0].tested.metrics["images"]
        about = (
            f"{metric} is from 0 to 1; higher is better. The evaluation images chose the checkpoints and compare the "
            f"models, which flatters the figures. The {images:,} test images were read once after that, by the "
            f"{results[0].main_title} of each model: these figures are the ones to quote."
        )
    elif optimism:
        about += (
            " These images also chose the checkpoints. Optimism is how much higher a figure is for that, as choosing "
            "again on resampled images shows."
        )
        about += f" It is n/a: {optimism['reason']}." if optimism["reason"] else ""
    notes = []
    if flattering := results[0].without_near_duplicates:
        without = [f"{one.name} {decimals.number(one.mean_without_near_duplicates)}" for one in found]
        notes.append(
            html.paragraph(
                f"Evaluation images that show the same as a training image: {len(flattering['left_out'])}. {metric} on "
                f"the other {flattering['images']:,}: {', '.join(without)}."
            )
        )
    return html.page(
        "Models compared",
        html.paragraph(about),
        html.table(head, rows, mark=mark, text=(1, 3, 5) if tested else (1, 3)),
        *notes,
        html.paragraph(_about_uncertainty(found, metric), note=True),
        html.paragraph(_timed(results[0]), note=True),
    )


def exports(results: Sequence[Result]) -> bytes:
    """The exported detectors as a page: size and speed of every form, and how well their detections agree."""
    tested = all(one.tests for one in results)
    rows = [row for one in results for row in _forms(one, tested)]
    metric = results[0].choice["metric"].rpartition("/")[2]
    threads = [f"ms, {count} thread{'' if count == '1' else 's'}" for count in _THREADS]
    head = ("model", "step", "weights", "form", "MB", "mAP", "mAP@.50IOU", "found again", "box", "score", *threads)
    head += (f"{metric} on test images",) if tested else ()
    return html.page(
        "What was exported",
        html.paragraph(
            f"Each model in every form, with its pipeline.config and label map, is in models/<name>/{forms.FOLDER}. "
            "Each form ran on the evaluation images with its own runtime, and its detections were compared with those "
            "of the checkpoint that was measured."
        ),
        html.table(head, rows, text=(3,)),
        html.paragraph(
            "Found again is the share of the checkpoint's detections that the form finds too, and box and score are "
            "the largest differences of those (the sides of the image are 1); of a form before suppression they are "
            "those of all its boxes. Milliseconds are the median (and quartiles) for one image at a time, on "
            f"{' or '.join(dict.fromkeys(_devices(results)))}; each form was timed by a job of its own.",
            note=True,
        ),
        *map(html.paragraph, _complaints(results)),
        html.heading("Why these checkpoints"),
        html.table(
            ("model", "step", "reason"),
            [(one.name, f"{one.choice['step']:,}", one.choice["reason"]) for one in results],
            text=(2,),
        ),
    )


def _devices(results: Sequence[Result]) -> Iterator[str]:
    """Where the forms were timed."""
    for one in results:
        yield from (found["device"] for found in one.measured.values() if "device" in found)


def _timed(one: Result) -> str:
    """What the milliseconds of the comparison are."""
    alike = " All models were measured together, in turns, so whatever slowed the machine slowed all of them alike."
    return (
        f"Milliseconds per image: the median of the {one.main_title} for one image at a time, on {one.device}."
        f"{alike if one.timed else ''}"
    )


def _forms(one: Result, tested: bool) -> Iterator[tuple[str, ...]]:
    """The lines of a model in the table of exports; the first one also has what all forms share."""
    shared = (one.name, f"{one.choice['step']:,}", f"{one.export['weights']:,}")
    for name, checked in one.export["forms"].items():
        form, found = forms.named(name), one.measured.get(name, {})
        same = found.get("found_again") or checked["same_detections"]
        yield (
            *shared,
            form.title,
            f"{checked['bytes'] / 1e6:.1f}",
            *(decimals.number(found[key]) if key in found else "" for key in ("mAP", "mAP50")),
            f"{same['share']:.1%}",
            *(f"{same[key]:.0e}" for key in ("max_box", "max_score")),
            *(_milliseconds(found.get("ms", {}).get(count)) for count in _THREADS),
            *([_test_value(one, name)] if tested else ()),
        )
        shared = ("", "", "")


def _milliseconds(time: Mapping[str, Any] | None) -> str:
    """A form's time with its quartiles; "" for a form that was not timed."""
    if time is None:
        return ""
    low, high = time["quartiles"]
    return f"{time['median']:.1f} ({low:.1f} to {high:.1f})"


def _complaints(results: Sequence[Result]) -> Iterator[str]:
    """What the forms do not keep of their gates, a sentence for each."""
    for one in results:
        for name, found in one.measured.items():
            if found["complaints"]:
                yield f"The {forms.named(name).title} of {one.name}: {'; '.join(found['complaints'])}."


def _test_value(one: Result, form: str) -> str:
    """A form's value of the chosen metric on the test images; "" for a form that gives no detections."""
    return decimals.number(one.tests[form].value(one.choice["metric"])) if form in one.tests else ""


def _repeats(name: str, members: list[Result]) -> Repeats:
    return Repeats(
        name,
        members,
        quality.of([one.value for one in members], [one.interval for one in members]),
        statistics.median(one.milliseconds for one in members),
        statistics.median(one.megabytes for one in members),
    )


def _uncertainty(one: Repeats) -> str:
    return one.quality.uncertainty() or one.members[0].analysis.get("interval_reason") or "n/a"


def _about_uncertainty(found: Sequence[Repeats], metric: str) -> str:
    """What the uncertainties of the comparison are about."""
    sides = "evaluation and test images" if all(one.tested for one in found) else "evaluation images"
    sources = [f"the choice of {sides}"] * any(member.interval for one in found for member in one.members)
    sources += ["the seeds"] * any(one.quality.spread is not None for one in found)
    if not sources:
        if reason := found[0].members[0].analysis.get("interval_reason"):
            return f"Uncertainty: it is not known, since {reason}."
        return (
            f"Uncertainty: {metric} has no confidence interval over the images. Training with several seeds gives one."
        )
    told = (
        f"Uncertainty: the {quality.LEVEL:.0%} confidence interval, about {' and '.join(sources)}. Where two of them "
        "overlap, the difference may be chance."
    )
    return " ".join([told, *_allowed_for(found[0].members[0])])


def _allowed_for(one: Result) -> Iterator[str]:
    """What the intervals of a model, and so of all models, allow for: a sentence for each side of the split."""
    metric = one.choice["metric"]
    intervals = {"evaluation": one.interval, "test": one.tested and one.tested.interval(metric)}
    for side, interval in intervals.items():
        if interval and interval["few"]:
            yield f"On the {side} images: {allowed_for(interval['few'])}"


def _test_columns(one: Repeats) -> tuple[html.Html, str]:
    """The quality on the test images, and how sure it is."""
    tested = one.tested
    reason = one.members[0].tested.analysis.get("interval_reason")
    return html.bar(decimals.number(tested.mean), tested.mean), tested.uncertainty() or reason or "n/a"


def _test_cells(one: Result) -> list[Any]:
    """The cells of TEST_COLUMNS."""
    metric, tested = one.choice["metric"], one.tested
    interval = tested.interval(metric) or {}
    return [
        *(tested.metrics["form"], tested.metrics["images"], tested.value(metric)),
        *(interval.get("low"), interval.get("high")),
    ]

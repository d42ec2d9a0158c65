"""The results of one model, read together: its checkpoints' metrics, the chosen checkpoint, the exported detector."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from boxwright.catalog import forms
from boxwright.core.files import read_json


class Measurement(NamedTuple):
    """The contents of a metrics.json and its analysis.json."""

    metrics: Mapping[str, Any]
    analysis: Mapping[str, Any]

    def value(self, metric: str) -> float | None:
        """The value of a metric; None if it is undefined."""
        return self.metrics["metrics"].get(metric)

    def interval(self, metric: str) -> Mapping[str, Any] | None:
        """The confidence interval of that value; None if that metric has none."""
        found = self.analysis.get("interval")
        return found if found and found["metric"] == metric else None


@dataclass(frozen=True)
class Result:
    """One trained model.

    name: the model's name. family: the name that repeats over seeds share. choice, export, analysis: the contents of
    choice.json, export.json and the chosen checkpoint's analysis.json. evaluations: the contents of metrics.json, by
    step. tests: by form, the measurements of the exported detector on the test images; empty without a test side.
    without_near_duplicates: the content of metrics_without_near_duplicates.json of the chosen checkpoint; None if no
    evaluation image shows the same as a training image. measured: by form, what forms.json says of it. timed: the time
    of the main form, measured together with those of all other models, {ms_per_image, device}; None for a model alone.
    """

    name: str
    family: str
    choice: Mapping[str, Any]
    evaluations: list[Mapping[str, Any]]
    analysis: Mapping[str, Any]
    export: Mapping[str, Any]
    tests: Mapping[str, Measurement] = field(default_factory=dict)
    without_near_duplicates: Mapping[str, Any] | None = None
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timed: Mapping[str, Any] | None = None

    @property
    def tested(self) -> Measurement | None:
        """What the main form was measured to be on the test images; None without a test side."""
        return self.tests.get(self.main)

    @property
    def main(self) -> str:
        """The name of the main form (`catalog.forms.main`)."""
        return self.export["main"]

    @property
    def main_title(self) -> str:
        """Its name in texts."""
        return forms.named(self.main).title

    @property
    def chosen(self) -> Mapping[str, Any]:
        """The chosen checkpoint's metrics.json."""
        return next(one for one in self.evaluations if one["step"] == self.choice["step"])

    @property
    def value(self) -> float | None:
        """The chosen checkpoint's value of the metric that chose it."""
        return self.chosen["metrics"].get(self.choice["metric"])

    @property
    def interval(self) -> Mapping[str, Any] | None:
        """The confidence interval of that value; None if that metric has none."""
        return Measurement(self.chosen, self.analysis).interval(self.choice["metric"])

    @property
    def seed(self) -> int:
        return self.chosen["seed"]

    @property
    def megabytes(self) -> float:
        """Size of the main form (`catalog.forms.main`)."""
        return self.export["forms"][self.main]["bytes"] / 1e6

    @property
    def milliseconds(self) -> float:
        """Median time of the main form for one image."""
        return self._time["ms_per_image"]

    @property
    def device(self) -> str:
        """Where that time was measured."""
        return self._time["device"]

    @property
    def _time(self) -> Mapping[str, Any]:
        """The time of the main form and where it was measured, {ms_per_image, device}: beside the other models, else
        with most threads, as the table of exports has it, else at the export, on a GPU for example.
        """
        exported, own = self.export["forms"][self.main], self.measured.get(self.main, {})
        if not self.timed and own.get("ms") and own["device"] == exported["device"]:
            return {"ms_per_image": own["ms"][max(own["ms"], key=int)]["median"], "device": own["device"]}
        return self.timed or exported


def places(results: Sequence[Result]) -> dict[str, int]:
    """The position of each model's family among the families, by the model's name; it decides the colour."""
    families = list(dict.fromkeys(one.family for one in results))
    return {one.name: families.index(one.family) for one in results}


def load(
    folder: str | Path,
    metrics: Iterable[str | Path],
    family: str | None,
    tests: Iterable[str | Path] = (),
    without_near_duplicates: str | Path | None = None,
    times: Mapping[str, Any] | None = None,
) -> Result:
    """The result in a model's folder.

    `metrics` are the metrics.json files of its checkpoints, `tests` those of the tests of its forms, in the folders of
    the forms' names (other files in these folders may be given too). `without_near_duplicates` is the file with the
    metrics without near-duplicates of training images, if there is one. `times` is the content of times.json, with the
    times of all models, if there are several.
    """
    folder = Path(folder)
    choice = read_json(folder / "choice.json")
    evaluations = sorted((read_json(path) for path in metrics), key=lambda one: one["step"])
    analysis = read_json(folder / "eval" / str(choice["step"]) / "analysis.json")
    return Result(
        folder.name,
        family or folder.name,
        choice,
        evaluations,
        analysis,
        read_json(folder / forms.FOLDER / forms.SUMMARY),
        {
            path.parent.name: Measurement(read_json(path), read_json(path.with_name("analysis.json")))
            for path in map(Path, tests)
            if path.name == "metrics.json"
        },
        read_json(without_near_duplicates) if without_near_duplicates else None,
        read_json(folder / forms.FOLDER / forms.MEASURED)["forms"],
        {**times["models"][folder.name], "device": times["device"]} if times else None,
    )

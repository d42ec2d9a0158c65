"""What a run used: its settings, the versions of programs, the time and memory of each stage."""

import csv
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from boxwright import devices
from boxwright.report import html

_PACKAGES = (
    "boxwright",
    "tensorflow",
    "tensorflow-cpu",
    "numpy",
    "snakemake",
    "faster-coco-eval",
    "protobuf",
    "pillow",
)


# Settings whose keys are the user's own, so they stay together; and what the plan notes beside the settings.
_WHOLE, _INTERNAL = ("overrides", "policies", "rename"), ("repeat_of", "also")


class Cost(NamedTuple):
    """What a stage took: its rule, its jobs, their seconds (wall and processor) in all, the most memory of one, in MB.

    The processor's seconds are None where Snakemake could not measure them, as in jobs of a moment.
    """

    rule: str
    jobs: int
    seconds: float
    processor: float | None
    megabytes: float | None


def programs() -> dict[str, str]:
    """The programs of this environment and the machine that it is on, by their names."""
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found | {"system": platform.platform(), "processor": _processor()}


def costs(folder: str | Path) -> list[Cost]:
    """The costs of all stages from Snakemake's benchmark files below `folder`, by rule; damaged files are left out."""
    rows: dict[str, list[Mapping[str, str]]] = {}
    for path in sorted(Path(folder).rglob("*.tsv")):
        with path.open(encoding="utf-8", errors="replace") as file:
            found = list(csv.DictReader(file, delimiter="\t"))
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        rows.setdefault(rule, []).extend(row for row in found if _number(row.get("s")) is not None)
    return [_cost(rule, some) for rule, some in rows.items() if some]


def page(settings: Mapping[str, Mapping[str, Any]], versions: Mapping[str, str], spent: Iterable[Cost]) -> bytes:
    """The page. settings: those of each part of the run, by its name; versions: of the programs, by name."""
    parts = []
    for name, some in settings.items():
        parts += [html.heading(name), html.table(("setting", "value"), list(_rows(some)), text=(1,))]
    stages = [
        (
            cost.rule.replace("_", " "),
            f"{cost.jobs:,}",
            _time(cost.seconds),
            _time(cost.processor),
            _size(cost.megabytes),
        )
        for cost in spent
    ]
    return html.page(
        "What was used",
        html.paragraph(
            "The settings of the data, the models and the export when this page was written, with the defaults of "
            "those that were not given; config/README.md explains them. The files themselves are beside the results: "
            "models/<name>/pipeline.config and data/split.tsv."
        ),
        *parts,
        html.heading("Programs"),
        html.table(("program", "version"), list(versions.items()), text=(1,)),
        html.heading("Stages"),
        html.table(("stage", "jobs", "time", "processor time", "most memory"), stages),
        html.paragraph(
            "Time is that of all jobs of a stage together; some ran at the same time. Stages that ran after this page "
            "was written, such as the predictions, are not in it.",
            note=True,
        ),
    )


def _cost(rule: str, rows: list[Mapping[str, str]]) -> Cost:
    seconds, processor, memory = ([_number(row.get(key)) for row in rows] for key in ("s", "cpu_time", "max_rss"))
    known, sizes = [one for one in processor if one is not None], [one for one in memory if one is not None]
    return Cost(rule, len(rows), sum(seconds), sum(known) if known else None, max(sizes, default=None))


def _number(text: str | None) -> float | None:
    """A number of a benchmark file; None for its "NA" and "-"."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _processor() -> str:
    """The name of the processor and the number that this process may use."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {devices.processors()} in use"


def _rows(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Each setting and its value, with the key that config/README.md has: `split.eval_fraction`."""
    for key, value in settings.items():
        if key in _WHOLE or not isinstance(value, Mapping):
            if key not in _INTERNAL:
                yield f"{before}{key}", _told(value)
        else:
            yield from _rows(value, f"{before}{key}.")


def _told(value: Any) -> str:
    """A value as it is written in a configuration."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_told(one)}" for key, one in value.items()) or "{}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value)) or "[]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "n/a"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _size(megabytes: float | None) -> str:
    return "n/a" if megabytes is None else f"{megabytes:,.0f} MB"

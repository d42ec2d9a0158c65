"""How much room a run takes on its disk: the checkpoints that stay, and the records."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.core.errors import UserError
from boxwright.dataset import scan, sources
from boxwright.run import measured, pipelines, settings


def records_mb(run: Mapping[str, Any]) -> int:
    """Size of the records, in MB: they hold the encoded images as they are."""
    dataset, files = run["dataset"], []
    if dataset["demo"]:
        return 0  # some drawn images
    if dataset["records"]:
        files = [Path(path) for paths in dataset["records"].values() for path in paths]
    else:
        for source in sources.of(dataset):
            for folder in source.images:
                with suppress(UserError):  # it cannot be read, which is told elsewhere
                    files += [Path(folder, name) for name in scan.images_below(folder, run["results"])]
            if not source.images:  # the annotations are files that hold the images
                files += map(Path, source.annotations)
    return sum(file.stat().st_size for file in set(files) if file.is_file()) // 10**6


def checkpoints_mb(run: Mapping[str, Any], name: str) -> float:
    """The size of all checkpoints of a model that stay, in MB."""
    model = run["models"][name]
    steps = settings.checkpoint_steps(model)
    count = len(steps)
    if keep := model["keep"]:
        at_multiples = sum(step % keep["every"] == 0 for step in steps) if keep["every"] else 0
        exported = 1 + len(run["export"]["also"])
        count = min(count, keep["best"] + keep["last"] + at_multiples + exported)
    return checkpoint_mb(run["results"], name, model) * count


def checkpoint_mb(results: str, name: str, model: Mapping[str, Any]) -> float:
    """The size of one checkpoint of a model, in MB: that of the largest that is there, else a generous estimate."""
    if size := measured.checkpoint_mb(results, name):
        return size
    pipeline, entry = Path(pipelines.path(model)), pipelines.entry(model)
    text = f"{model['checkpoint']} {entry.extractor if entry else ''}"  # of an archive that is not here yet
    if pipeline.is_file():
        text = pipeline.read_text(encoding="utf-8", errors="replace")
    named = [row for row in EXTRACTORS.values() if row.type in text] or list(EXTRACTORS.values())
    return max(row.checkpoint_mb for row in named)

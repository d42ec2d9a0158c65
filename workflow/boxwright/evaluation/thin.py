"""Removes checkpoints that were measured and that `keep` does not name, to free the disk; their metrics stay."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from boxwright.core.files import write_json


def kept(
    values: Mapping[int, float | None], keep: Mapping[str, Any], checkpoint: str | int, also: Sequence[int] = ()
) -> set[int]:
    """The steps that stay of those that were measured so far.

    values: by step, the metric that decides which checkpoint is best (`export.metric`), None where it is undefined.
    keep: {best, last, every}. checkpoint: which one is exported, "best", "last" or a step. also: further steps that
    are exported.

    The last one stays, since a longer training continues from it, and what is exported stays. A checkpoint that is not
    among the best so far will never be, so one that is removed early is none that a later call would keep. As long as
    the metric is undefined everywhere, all stay.
    """
    steps = sorted(values)
    ranked = sorted((step for step in steps if values[step] is not None), key=lambda step: (-values[step], step))
    if not ranked:
        return set(steps)
    stay = {*steps[-max(keep["last"], 1) :], *ranked[: max(keep["best"], int(checkpoint == "best"))]}
    if keep["every"]:
        stay |= {step for step in steps if step % keep["every"] == 0}
    return stay | ({checkpoint, *also} & values.keys())


def run(
    metrics: Iterable[str | Path],
    train: str | Path,
    keep: Mapping[str, Any],
    checkpoint: str | int,
    metric: str,
    out: str | Path,
    also: Sequence[int] = (),
) -> dict[str, Any]:
    """Remove what does not stay of the checkpoints in the folder `train`, and write what was decided to `out`.

    metrics: the metrics.json files of all checkpoints measured so far. Returns `{step, kept, removed, freed}`: the last
    step, the steps that stay, all others, and the bytes that this call freed; `out` has the first three.
    """
    found = [json.loads(Path(path).read_text(encoding="utf-8")) for path in metrics]
    values = {one["step"]: one["metrics"].get(metric) for one in found}
    stay = kept(values, keep, checkpoint, also)
    freed = sum(_remove(Path(train), step) for step in sorted(values.keys() - stay))
    decided = {"step": max(values), "kept": sorted(stay), "removed": sorted(values.keys() - stay)}
    write_json(out, decided)
    return decided | {"freed": freed}


def _remove(train: Path, step: int) -> int:
    """Remove the files of a checkpoint, and return their size.

    The index goes first: without it nobody takes the rest for a checkpoint, whenever the removal is interrupted.
    """
    name = f"model.ckpt-{step}"
    freed = 0
    for path in (train / f"{name}.index", *sorted(train.glob(f"{name}.data-*"))):
        if path.is_file():
            freed += path.stat().st_size
            path.unlink()
    return freed

"""What earlier runs tell of the next one: the pace of a model's training, the time of jobs, the size of checkpoints."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from boxwright.core import files
from boxwright.core.errors import UserError


def steps_per_second(results: str | Path, name: str) -> float | None:
    """The pace of a model's last training; None if there is none."""
    logs = (Path(results) / "models" / name / "train" / "log").glob("*.jsonl")
    paces = map(_pace, sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True))
    return next(filter(None, paces), None)


def training_seconds(results: str | Path, name: str, steps: int, segments: int) -> float | None:
    """How long a training of so many steps in so many segments takes, with the start of each segment.

    It is as long as in the model's last training; None if there is none.
    """
    pace = steps_per_second(results, name)
    starts = list(_starts(Path(results), name))
    return steps / pace + segments * (median(starts) if starts else 0) if pace else None


def job_seconds(benchmark: str | Path) -> float | None:
    """How long a job took, start and end of its process included.

    benchmark: the file of Snakemake's with its time. Of a job that never ran it is the median of those beside it, which
    are of other checkpoints, shards or models; None if there are none.
    """
    own = _seconds(Path(benchmark))
    others = [found for path in Path(benchmark).parent.glob("*.tsv") if (found := _seconds(path)) is not None]
    alike = Path(benchmark).parent.name != "benchmarks"  # where rules with a single job have theirs
    return own if own is not None else median(others) if others and alike else None


def checkpoint_mb(results: str | Path, name: str) -> float | None:
    """The size of a model's largest checkpoint, in MB; None if it has none."""
    folder = Path(results) / "models" / name / "train"
    sizes = [path.stat().st_size for path in folder.glob("model.ckpt-*.data-*")]
    return max(sizes) / 1e6 if sizes else None


def _starts(results: Path, name: str) -> Iterator[float]:
    """The seconds that each measured segment took beside its steps: mostly to load TensorFlow and prepare the step."""
    logs = {int(path.stem): path for path in (results / "models" / name / "train" / "log").glob("[0-9]*.jsonl")}
    for step, log in logs.items():
        taken = _seconds(results / "benchmarks" / "train_segment" / f"{name}-{step}.tsv")
        pace = _pace(log)
        if taken and pace:
            yield max(taken - (step - max((one for one in logs if one < step), default=0)) / pace, 0.0)


def _pace(log: Path) -> float | None:
    """The steps per second in the log of a segment; None if it has none."""
    try:
        # The first entry has TensorFlow's preparation in it.
        found = [entry["steps_per_sec"] for entry in files.read_json_lines(log)][1:]
    except (UserError, KeyError, TypeError, OSError):
        return None
    return median(found) or None if found else None


def _seconds(benchmark: Path) -> float | None:
    """The time in the file that Snakemake writes for `benchmark:`; None if it cannot be read."""
    try:
        head, values = (line.split("\t") for line in benchmark.read_text(encoding="utf-8").splitlines()[:2])
        return float(values[head.index("s")])
    except (OSError, ValueError, IndexError):
        return None

"""What earlier trainings tell of a model: its pace, and the size of its checkpoints."""

from pathlib import Path
from statistics import median

from boxwright.core import files
from boxwright.core.errors import UserError


def steps_per_second(results: str | Path, name: str) -> float | None:
    """The pace of a model's last training; None if there is none."""
    folder = Path(results) / "models" / name / "train" / "log"
    for log in sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            # The first entry has TensorFlow's preparation in it.
            found = [entry["steps_per_sec"] for entry in files.read_json_lines(log)][1:]
        except (UserError, KeyError, TypeError, OSError):
            continue
        if found and median(found) > 0:
            return median(found)
    return None


def checkpoint_mb(results: str | Path, name: str) -> float | None:
    """The size of a model's largest checkpoint, in MB; None if it has none."""
    folder = Path(results) / "models" / name / "train"
    sizes = [path.stat().st_size for path in folder.glob("model.ckpt-*.data-*")]
    return max(sizes) / 1e6 if sizes else None

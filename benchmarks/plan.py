"""Time and memory of planning a large data set: the first time, with nothing changed, and after one edit.

    python benchmarks/plan.py [--pairs 100000]

Generates that many small JPEGs with annotations in a temporary folder (--folder keeps them for the next time) and
runs `annotations.plan.make` in a new process each time; the times are those of `make`, without the start of Python.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import make_images
from measuring import Stopwatch, peak_memory


def plan(folder: Path, data: Path) -> None:
    """Plan the pairs below `folder`; prints wall-clock seconds, processor seconds, MB and what the plan says."""
    from boxwright.annotations.plan import make

    dataset = {
        "images": [str(folder / "images")],
        "annotations": [str(folder / "annotations")],
        "label_map": None,
        "split": {"eval_fraction": 0.2, "seed": 0},
        "shards": {"train": 16, "eval": 4},
        "policies": {},
        "verify": "headers",
    }
    watch = Stopwatch()
    made = make(dataset, data)
    print(*watch.read(), peak_memory(), len(made.identities))


def measure(what: str, folder: Path, data: Path) -> None:
    """Plan in a process of its own and show what it took."""
    command = [sys.executable, __file__, "--job", str(folder), str(data)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    wall, processor, memory, _ = map(float, output.split())
    print(f"{what}: {wall:.2f} s ({processor:.2f} s of processor time), peak memory {memory:.0f} MB")


def changed_files(data: Path, before: dict[Path, float]) -> int:
    """How many shards' manifests were written since `before` was taken."""
    return sum(before.get(path) != time for path, time in manifest_times(data).items())


def manifest_times(data: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime_ns for path in (data / "plan").glob("*.jsonl")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the pairs are, or are to be made and kept")
    parser.add_argument("--job", nargs=2, type=Path, metavar=("FOLDER", "DATA"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        plan(*arguments.job)
        return
    with tempfile.TemporaryDirectory(prefix="boxwright-plan-") as temporary:
        folder, data = arguments.folder or Path(temporary, "pairs"), Path(temporary, "data")
        if not (folder / "images").is_dir():
            watch = Stopwatch()
            make_images.make(folder, arguments.pairs)
            print(f"{arguments.pairs} pairs made in {watch.read()[0]:.1f} s")
        measure("first", folder, data)
        measure("nothing changed", folder, data)
        edited = min((folder / "annotations").rglob("*.xml"))
        original, times = edited.read_text(), manifest_times(data)
        try:
            edited.write_text(re.sub(r"<xmin>(\d+)", lambda found: f"<xmin>{int(found[1]) + 1}", original, count=1))
            measure("one annotation edited", folder, data)
        finally:
            edited.write_text(original)
        print(f"manifests written again after the edit: {changed_files(data, times)} of {len(times)}")


if __name__ == "__main__":
    main()

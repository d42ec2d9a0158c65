"""A large data set through real Snakemake: planning, the data rules, an edit; each figure beside its limit.

    python benchmarks/plan.py [--pairs 100000] [--folder KEPT] [--format coco|csv|yolo]

Generates that many small JPEGs with annotations (--folder keeps them for the next time), and a fifth as many to see
whether a rule's memory grows. Everything runs as a user runs it; the page cache is warm. The limits are for wall-clock
seconds; processor seconds show how busy the machine was with other work. Exit status 1 if a limit is exceeded.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import make_images
import yaml

ROOT = Path(__file__).resolve().parents[1]
SHARDS = {"train": 16, "eval": 4}
DATA = "results/data"
TARGETS = [
    *(f"{DATA}/{name}" for name in ("checks.tsv", "split.tsv", "label_map.pbtxt", "eval.coco.json")),
    *(f"{DATA}/{side}-{i:05d}-of-{count:05d}.tfrecord" for side, count in SHARDS.items() for i in range(count)),
]
# The data rules, and the MB by which their memory may differ between the two sizes.
RULES = ("check_annotations", "split_dataset", "write_label_map", "write_records", "write_ground_truth")
MEMORY_SLACK = 20.0
# Below this a job was too short to be measured: Snakemake samples the first moment, and then every few seconds.
LEAST_MEMORY = 30.0


class Cost(NamedTuple):
    """Wall-clock and processor seconds of a command with all its child processes, and the peak memory in MB of the
    largest of them.
    """

    wall: float
    processor: float
    memory: float
    output: str


class Bars:
    """Prints figures beside their limits, and remembers whether all were kept."""

    met = True

    def show(self, what: str, value: float, bar: float, unit: str, *, least: bool = False, more: str = "") -> None:
        good = value >= bar if least else value <= bar
        self.met &= good
        kind = "at least" if least else "at most"
        print(f"{what}: {value:,.1f} {unit} ({kind} {bar:,.0f}{more}){'' if good else '   <- MISSED'}", flush=True)

    def time(self, what: str, cost: Cost, bar: float) -> None:
        self.show(what, cost.wall, bar, "s", more=f"; {cost.processor:.1f} s of processor time, {cost.memory:.0f} MB")


def snakemake(folder: Path, *arguments: str, configuration: str = "big.yaml") -> Cost:
    """Run Snakemake on two cores in `folder`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--configfile", configuration], cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        output.seek(0)
        text = output.read()
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{text}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, text)


def prepare(folder: Path, pairs: Path, count: int, form: str) -> Path:
    """Make a project on `count` pairs, and the pairs too if they are missing; return where the annotations are."""
    if not (pairs / "images").is_dir():
        make_images.make(pairs, count)
    annotations = pairs / "annotations" if form == "voc" else make_images.annotate(pairs, count, form)
    os.sync()  # else the disk is still busy with them while the plan is timed
    config = {
        "dataset": {
            "images": str(pairs / "images"),
            "annotations": str(annotations),
            "shards": SHARDS,
            "near_duplicates": False,
        },
        "models": {
            "small": {
                "pipeline": str(ROOT / "config/pipelines/demo_ssd.config"),
                "num_steps": 100,
                "checkpoint_every": 100,
            }
        },
    }
    folder.mkdir()
    (folder / "big.yaml").write_text(yaml.safe_dump(config))
    config["dataset"]["near_duplicates"] = True
    config["results"] = "searched"
    (folder / "searched.yaml").write_text(yaml.safe_dump(config))
    return annotations


def memory_of_rules(folder: Path) -> dict[str, float]:
    """The peak memory in MB of each data rule's largest job, as Snakemake measured it."""
    found: dict[str, float] = {}
    for path in (folder / "results/benchmarks").rglob("*.tsv"):
        rule = path.relative_to(folder / "results/benchmarks").parts[0].removesuffix(".tsv")
        with path.open() as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if rule in RULES and row["max_rss"] not in ("-", "NA"):
                    found[rule] = max(found.get(rule, 0.0), float(row["max_rss"]))
    return found


# By format, what stands before and after the first coordinate of a box.
COORDINATE = {
    "voc": r"(<xmin>)(\d+)",
    "coco": r'("bbox": \[)(\d+)',
    "csv": r"(\.jpg,\d+,\d+,\w+,)(\d+)",
    "yolo": r"(^\d 0\.\d{5})(\d)",
}


def edit(annotations: Path, form: str) -> None:
    """Move one side of a box by a pixel, or by less."""
    path = annotations if annotations.is_file() else min(annotations.rglob("photo_*"))
    text = path.read_text()
    path.write_text(re.sub(COORDINATE[form], lambda found: f"{found[1]}{int(found[2]) ^ 1}", text, count=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the pairs are kept; they are made if missing")
    parser.add_argument("--format", choices=COORDINATE, default="voc", help="the format of the annotations")
    arguments = parser.parse_args()
    bars = Bars()
    with tempfile.TemporaryDirectory(prefix="boxwright-plan-") as temporary:
        kept = (arguments.folder or Path(temporary)).resolve()
        memory = {}
        for name, count in (("fifth", arguments.pairs // 5), ("whole", arguments.pairs)):
            folder, pairs = Path(temporary, name), kept / f"pairs-{count}"
            annotations = prepare(folder, pairs, count, arguments.format)
            first = snakemake(folder, "--dry-run")
            if name == "whole":
                bars.time(f"first dry run of {count:,} pairs", first, 10 if arguments.format == "voc" else 15)
                searched = snakemake(folder, "--dry-run", configuration="searched.yaml")
                bars.time("the same with the search for near-duplicates", searched, first.wall + 60)
            done = snakemake(folder, *TARGETS)
            memory[name] = memory_of_rules(folder)
        wall, processor = first.wall + done.wall, first.processor + done.processor
        bars.show(
            "plan and data rules",
            count / wall / 2,
            2000,
            "images/s per core",
            least=True,
            more=f"; {wall:.1f} s on two cores, {processor:.1f} s of processor time",
        )
        nothing = snakemake(folder, "--dry-run", *TARGETS)
        assert "Nothing to be done" in nothing.output, nothing.output
        bars.time("dry run with nothing to do", nothing, 3)
        bars.show("its memory", nothing.memory, 500, "MB")
        edit(annotations, arguments.format)
        edited = snakemake(folder, *TARGETS)
        assert len(re.findall(r"Writing (train|eval) records", edited.output)) == 1, edited.output
        bars.time("one annotation edited, to finished records", edited, 10)
        for rule in RULES:
            small, large = (memory[name].get(rule) for name in ("fifth", "whole"))
            if small is None or large is None or small < LEAST_MEMORY:
                print(f"memory of {rule}: a job of {arguments.pairs // 5:,} is too short to be measured")
                continue
            bars.show(f"memory of {rule}", large, small + MEMORY_SLACK, "MB", more=f" of a fifth: {small:.0f} MB")
    sys.exit(not bars.met)


if __name__ == "__main__":
    main()

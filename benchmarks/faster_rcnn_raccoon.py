"""Fine-tune Faster R-CNN ResNet-101 on real images through the whole workflow, from weights filled in by a rule.

    python benchmarks/faster_rcnn_raccoon.py --work /tmp/raccoon

No trained ResNet is available, so the start weights are those of the recorded case faster_rcnn_resnet101_atrous, whose
fill rule keeps activations in the range of a trained network's. Only the feature extractor is restored; the heads are
new. Prints the mean total loss of the first and the last ten steps and what Snakemake made. Exit status 1 if the loss
has not fallen below --ratio times the first value, or is not finite.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CASE = SHARED / "parity" / "faster_rcnn_resnet101_atrous"
DATA = SHARED / "data" / "raccoon"
TOTAL = "Loss/total_loss"
MODEL = "faster_rcnn_resnet101"
COMPARED = 10


def write_checkpoint(prefix: Path) -> None:
    """The weights of the recorded case as a checkpoint."""
    sys.path.insert(0, str(ROOT / "tests" / "parity"))
    from golden_case import Case

    from boxwright.checkpoints import checkpoint_files

    prefix.parent.mkdir(parents=True, exist_ok=True)
    checkpoint_files.write(prefix, Case(CASE).weights)


def write_configuration(path: Path, pipeline: Path, checkpoint: Path, steps: int) -> None:
    """The workflow's configuration; its short segments make sure that every step is logged."""
    configuration = {
        "results": str(path.parent / "results"),
        "dataset": {
            "images": str(DATA / "images"),
            "annotations": str(DATA / "annotations"),
            "split": {"train": str(DATA / "train.txt"), "eval": str(DATA / "eval.txt")},
        },
        "models": {
            MODEL: {
                "pipeline": str(pipeline),
                "checkpoint": str(checkpoint),
                "num_steps": steps,
                "checkpoint_every": math.ceil(steps / 2),
            }
        },
        "export": {"checkpoint": "last"},
    }
    path.write_text(json.dumps(configuration, indent=1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint, configuration and results")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--ratio", type=float, default=0.8)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument(
        "--pipeline", type=Path, default=SHARED / "odapi" / "configs" / "faster_rcnn_resnet101_coco.config"
    )
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    checkpoint, configuration = work / "start" / "model.ckpt", work / "config.json"
    write_checkpoint(checkpoint)
    write_configuration(configuration, arguments.pipeline.resolve(), checkpoint, arguments.steps)
    start = time.perf_counter()
    command = ["snakemake", "--cores", str(arguments.cores), "--configfile", str(configuration)]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    seconds = time.perf_counter() - start

    results = work / "results" / "models" / MODEL
    records = [json.loads(line) for line in (results / "train" / "log.jsonl").read_text().splitlines()]
    losses = [record[TOTAL] for record in records]
    first, last = statistics.mean(losses[:COMPARED]), statistics.mean(losses[-COMPARED:])
    pace = statistics.median(record["steps_per_sec"] for record in records)
    predictions = len(list((results / "predictions").rglob("*.json")))
    print(
        f"{len(records)} steps in a workflow of {seconds:.0f} s ({1 / pace:.2f} s per step); mean loss of the first "
        f"{COMPARED} steps {first:.3f}, of the last {COMPARED} {last:.3f} ({last / first:.2f}); "
        f"{predictions} images predicted; exported: {sorted(p.name for p in (results / 'fine_tuned_model').iterdir())}"
    )
    return int(not (all(map(math.isfinite, losses)) and last < arguments.ratio * first))


if __name__ == "__main__":
    sys.exit(main())

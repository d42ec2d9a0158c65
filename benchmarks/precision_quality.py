"""How good a model becomes in float32 and with its products in bfloat16, over several seeds, on a CPU.

    python benchmarks/precision_quality.py --config config/config.yaml --work /tmp/quality
    python benchmarks/precision_quality.py --config raccoon.yaml --model template --work /tmp/quality

Trains the model of a configuration (by default its first) in each precision with each seed by the workflow, and prints
mean and standard deviation over the seeds of the chosen checkpoints' metrics, and the processor time of the training. A
difference of the means within the standard deviation of float32 is chance.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
METRICS = ("DetectionBoxes_Precision/mAP@.50IOU", "DetectionBoxes_Precision/mAP")
KINDS = ("float32", "bfloat16")


def configured(arguments: argparse.Namespace) -> tuple[Path, dict[str, str]]:
    """The configuration to run, and the names of its models by precision."""
    config = yaml.safe_load(arguments.config.read_text())
    name = arguments.model or next(iter(config["models"]))
    model = config["models"][name] | {"seed": arguments.seeds}
    if arguments.steps:
        model |= {"num_steps": arguments.steps, "checkpoint_every": -(-arguments.steps // 2)}
    names = {kind: f"{name}-{kind}" for kind in KINDS}
    config["models"] = {own: model | {"precision": kind} for kind, own in names.items()}
    config["results"] = str(arguments.work.resolve() / "results")
    path = arguments.work / "quality.json"
    path.write_text(json.dumps(config, indent=1))
    return path, names


def measured(results: Path, model: str) -> dict[str, float]:
    """The metrics of the chosen checkpoint of a model, and the minutes that its training took."""
    folder = results / "models" / model
    step = json.loads((folder / "choice.json").read_text())["step"]
    found = json.loads((folder / "eval" / str(step) / "metrics.json").read_text())["metrics"]
    costs = (results / "benchmarks/train_segment").glob(f"{model}-*.tsv")
    rows = [path.read_text().splitlines() for path in costs]
    seconds = [float(dict(zip(*(line.split("\t") for line in two), strict=True))["cpu_time"]) for two in rows]
    return {name: found[name] for name in METRICS} | {"minutes": sum(seconds) / 60}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", type=Path, default=ROOT / "config/config.yaml")
    parser.add_argument("--model", help="the name of one of its models")
    parser.add_argument("--work", type=Path, required=True, help="folder for the configuration and the results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="fewer steps than the configuration has")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    path, names = configured(arguments)
    results = arguments.work.resolve() / "results"
    # What comes after the choice, such as the export, is no part of the comparison.
    chosen = [f"{results}/models/{name}-seed{seed}/choice.json" for name in names.values() for seed in arguments.seeds]
    command = [sys.executable, "-m", "snakemake", *chosen, "--cores", str(arguments.cores), "--configfile", str(path)]
    subprocess.run(command, cwd=ROOT, check=True)
    for name in names.values():
        each = [measured(results, f"{name}-seed{seed}") for seed in arguments.seeds]
        told = []
        for key in (*METRICS, "minutes"):
            values = [one[key] for one in each]
            spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
            told.append(f"{key.rpartition('/')[2]} {statistics.mean(values):.3f}{spread}")
        print(f"{name}: {', '.join(told)} (over seeds {', '.join(map(str, arguments.seeds))}; minutes of a processor)")


if __name__ == "__main__":
    main()

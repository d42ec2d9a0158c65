"""Measure how much the figures flatter the chosen checkpoints and the best model, by choosing again on other images."""

import json
from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import decimals, files
from boxwright.dataset import label_map
from boxwright.evaluation import optimism
from boxwright.evaluation.data import Records, dataset_of

with job(snakemake):
    repeat_of = snakemake.params.repeat_of
    families = {}
    for path in map(Path, snakemake.input.choices):
        choice, folder = json.loads(path.read_text(encoding="utf-8")), path.parent
        steps = [one["step"] for one in choice["considered"]] if choice["checkpoint"] == "best" else [choice["step"]]
        detections = [folder / "eval" / str(step) / "detections.json" for step in steps]
        families.setdefault(repeat_of[folder.name] or folder.name, []).append(detections)
    dataset = dataset_of(Records(snakemake.input.records), label_map.read(snakemake.input.label_map))
    found = optimism.measure(dataset, families, choice["metric"])
    files.write_json(snakemake.output[0], found)
    value = found["optimism"]
    name = choice["metric"].rpartition("/")[2]
    progress.conclude(f"n/a, {found['reason']}" if value is None else f"{name} is {decimals.excess(value)} too high")

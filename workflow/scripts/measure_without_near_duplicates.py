"""Measure a checkpoint without the evaluation images that show the same as a training image."""

import json
from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core.wording import plural
from boxwright.dataset import label_map
from boxwright.evaluation import leakage

with job(snakemake):
    lines = Path(snakemake.params.across_split).read_text(encoding="utf-8").splitlines()
    result = leakage.run(
        snakemake.input.metrics,
        snakemake.input.detections,
        snakemake.input.records,
        label_map.read(snakemake.input.label_map),
        {line.split("\t")[0] for line in lines},
        snakemake.output[0],
    )
    whole = json.loads(Path(snakemake.input.metrics).read_text(encoding="utf-8"))
    metric = snakemake.params.metric

    def number(values):
        return "n/a" if values[metric] is None else f"{values[metric]:.3f}"

    progress.conclude(
        f"{metric.rpartition('/')[2]} {number(result['metrics'])} without {plural(len(lines), 'image')} of "
        f"{whole['images']}, {number(whole['metrics'])} with"
    )

"""Turn the chosen checkpoint into a frozen graph and a SavedModel that give the same detections."""

import json
from pathlib import Path

from boxwright.console.job import job

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.export import run
    from boxwright.pipeline import text

    devices.take(devices.Compute()).tell(progress.say, progress.warn)

    choice = json.loads(Path(snakemake.input.choice).read_text(encoding="utf-8"))
    chosen = next(path for path in snakemake.input.checkpoints if path.endswith(f"/model.ckpt-{choice['step']}.index"))
    run.run(
        text.read(snakemake.input.config),
        chosen.removesuffix(".index"),
        snakemake.input.label_map,
        snakemake.input.records,
        snakemake.output[0],
    )

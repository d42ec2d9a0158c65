"""Turn the chosen checkpoint into a frozen graph and a SavedModel that give the same detections."""

import json
from pathlib import Path

from boxwright.job import job

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.export import run
    from boxwright.pipeline import text

    devices.take(devices.Compute())

    choice = json.loads(Path(snakemake.input.choice).read_text(encoding="utf-8"))
    train = Path(snakemake.input.config).parent / "train"
    run.run(
        text.read(snakemake.input.config),
        str(train / f"model.ckpt-{choice['step']}"),
        snakemake.input.label_map,
        snakemake.input.records,
        snakemake.output[0],
    )

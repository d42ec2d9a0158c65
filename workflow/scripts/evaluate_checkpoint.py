"""Measure one checkpoint on the images that were held out."""

from pathlib import Path

from boxwright.job import job

with job(snakemake):
    from boxwright.annotations import label_map
    from boxwright.evaluation import run
    from boxwright.pipeline import text

    model = snakemake.config["models"][snakemake.wildcards.model]
    run.run(
        text.read(snakemake.input.config),
        Path(snakemake.input.index).with_suffix(""),
        snakemake.input.records,
        label_map.read(snakemake.input.label_map, gaps=True),
        model=snakemake.wildcards.model,
        step=int(snakemake.wildcards.step),
        seed=model["seed"],
        metrics=snakemake.output.metrics,
        detections=snakemake.output.detections,
        events=snakemake.output.events,
    )

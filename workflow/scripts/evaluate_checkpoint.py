"""Measure one checkpoint on the images that were held out."""

from pathlib import Path

from boxwright.job import job

with job(snakemake, tensorflow=True) as undeclared:
    from boxwright.annotations import label_map
    from boxwright.evaluation import run
    from boxwright.pipeline import text
    from boxwright.records import events

    model = snakemake.config["models"][snakemake.wildcards.model]
    step = int(snakemake.wildcards.step)
    log_of_events = Path(snakemake.output.metrics).parents[1] / events.file_name(step)
    run.run(
        text.read(snakemake.input.config),
        Path(snakemake.input.index).with_suffix(""),
        snakemake.input.records,
        label_map.read(snakemake.input.label_map, gaps=True),
        model=snakemake.wildcards.model,
        step=step,
        seed=model["seed"],
        metrics=snakemake.output.metrics,
        analysis=snakemake.output.analysis,
        detections=snakemake.output.detections,
        events=log_of_events,
    )
    undeclared.append(log_of_events)

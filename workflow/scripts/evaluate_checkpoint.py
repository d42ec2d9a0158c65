"""Measure one checkpoint on the evaluation images."""

from pathlib import Path

from boxwright import devices
from boxwright.console.job import job

devices.infer_in(snakemake.params.precision)
with job(snakemake, tensorflow=True) as undeclared:
    from boxwright.checkpoints import conditions
    from boxwright.console import progress
    from boxwright.dataset import label_map
    from boxwright.evaluation import run
    from boxwright.pipeline import text
    from boxwright.records import events

    machine = snakemake.config["machine"][snakemake.wildcards.model]
    taken = devices.take(devices.of_inference(machine, precision=snakemake.params.precision))
    taken.tell(progress.say, progress.warn)
    step = int(snakemake.wildcards.step)
    checkpoint = Path(snakemake.input.index).with_suffix("")
    out = run.Outputs(
        metrics=Path(snakemake.output.metrics),
        analysis=Path(snakemake.output.analysis),
        detections=Path(snakemake.output.detections),
        events=Path(snakemake.output.metrics).parents[1] / events.file_name(step),
        train_events=Path(snakemake.output.metrics).parents[2] / "eval_train" / events.file_name(step),
    )
    run.run(
        text.read(snakemake.input.config),
        checkpoint,
        snakemake.input.records,
        snakemake.input.train_records,
        label_map.read(snakemake.input.label_map),
        out,
        model=snakemake.wildcards.model,
        step=step,
        seed=snakemake.params.seed,
        precision=conditions.of(checkpoint).precision,
        inference_precision=taken.inference_precision,
    )
    undeclared += filter(Path.is_file, (out.events, out.train_events))

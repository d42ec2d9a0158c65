"""Measure one form of the exported detector on the test images, with the form's own runtime."""

import importlib
import json
from pathlib import Path

from boxwright.catalog import forms
from boxwright.console.job import job

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.dataset import label_map
    from boxwright.evaluation import exported
    from boxwright.evaluation.data import Records
    from boxwright.export import measured
    from boxwright.pipeline import text

    model, output = snakemake.wildcards.model, snakemake.output
    machine = snakemake.config["machine"][model]
    form = forms.named(snakemake.params.form)
    devices.take(devices.of_inference(machine, form.on_gpus)).tell(progress.say, progress.warn)

    step = json.loads(Path(snakemake.input.choice).read_text(encoding="utf-8"))["step"]
    settings = text.read(snakemake.input.config).eval_config
    evaluation = exported.evaluate(
        importlib.import_module(form.runtime).load(Path(snakemake.input.config).parent / form.path),
        Records(snakemake.input.records),
        label_map.read(snakemake.input.label_map),
        score_threshold=round(settings.min_score_threshold, 6),
        side="test",
    )
    about = {"model": model, "step": step, "seed": snakemake.params.seed, "form": form.name}
    if form.made_from:
        again = exported.agreement(evaluation, snakemake.input.checkpoint, measured.tolerance(form))
        about["found_again"] = again
    exported.write(
        evaluation,
        exported.Files(Path(output.metrics), Path(output.analysis), Path(output.detections)),
        about,
        f"The {form.title} of {model} at step {step} on the test images",
    )

"""Measure one form of the exported detector on the evaluation images, and compare it with the checkpoint there."""

import importlib
from pathlib import Path

from boxwright.catalog import forms
from boxwright.console.job import job
from boxwright.core import files

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.dataset import label_map
    from boxwright.evaluation import exported
    from boxwright.evaluation.data import Records
    from boxwright.export import measured, reference
    from boxwright.pipeline import text

    given, output = snakemake.input, snakemake.output
    model = snakemake.wildcards.model
    machine = snakemake.config["machine"][model]
    form = forms.named(snakemake.params.form)
    taken = devices.take(devices.of_inference(machine, form.on_gpus))
    taken.tell(progress.say, progress.warn)

    runtime, path = importlib.import_module(form.runtime), Path(given.config).parent / form.path
    settings = text.read(given.config).eval_config
    detect = runtime.load(path, None if taken.gpus else devices.processors())
    evaluation = exported.evaluate(
        detect,
        Records(given.records),
        label_map.read(given.label_map),
        score_threshold=round(settings.min_score_threshold, 6),
    )
    checkpoint = files.read_json(given.metrics)
    about = {"model": model, "step": checkpoint["step"], "seed": snakemake.params.seed, "form": form.name}
    result = exported.write(
        evaluation,
        exported.Files(Path(output.metrics), Path(output.analysis), Path(output.detections)),
        about,
        f"The {form.title} of {model} at step {checkpoint['step']} on the evaluation images",
    )
    agreement = exported.agreement(evaluation, given.detections, measured.tolerance(form, checkpoint))
    times = measured.times(form, path, reference.images(given.records), detect, bool(taken.gpus))
    content = measured.content(form, result, checkpoint, agreement, times, files.read_json(given.check)["bytes"])
    if form.calibrated and content["lost"] is not None and content["complaints"]:
        source = Path(given.config).parent / forms.named(form.made_from).path
        calibration = reference.drawn(given.calibration, **snakemake.params.int8)
        layers = importlib.import_module(form.module).lossiest(source, calibration, reference.images(given.records))
        content["complaints"].append(f"these layers lose most: {layers}")
    for complaint in content["complaints"]:
        progress.warn(f"The {form.title} of {model}{snakemake.wildcards.further}: {complaint}.")
    files.write_json(output.measured, content)
    progress.conclude(measured.figure(content))

"""Run the exported detector on images; write them with boxes drawn, and the boxes as JSON and as Pascal VOC XML."""

import importlib
from pathlib import Path

from boxwright import devices
from boxwright.catalog import forms
from boxwright.console.job import job

form = forms.named(snakemake.params.form)
precision = snakemake.params.precision if form.on_gpus else "float32"
devices.infer_in(precision)
with job(snakemake, tensorflow=True):
    from boxwright.console import progress
    from boxwright.dataset import label_map, manifest
    from boxwright.export import predict

    machine = snakemake.config["machine"][snakemake.wildcards.model]
    compute = devices.of_inference(machine, form.on_gpus, precision)
    devices.take(compute).tell(progress.say, progress.warn)

    wanted = snakemake.params.wanted
    if wanted["images"]:
        results = Path(snakemake.output[0]).parents[2]
        images = predict.find(wanted["images"], str(results))
    else:
        held_out = [sample for path in snakemake.params.manifests for sample in manifest.read(path)]
        images = [predict.ImageFile(Path(sample.image), sample.name) for sample in held_out]
    runtime = importlib.import_module(form.runtime)
    predict.run(
        runtime.load(Path(snakemake.input.label_map).parent / form.path),
        label_map.shown(snakemake.input.label_map),
        images,
        snakemake.output[0],
        score_threshold=wanted["score_threshold"],
        line_thickness=wanted["line_thickness"],
        max_pixels=wanted["max_pixels"],
    )

"""Measure the time for an image of the detectors of all models, in turns."""

import importlib
from pathlib import Path

from boxwright.catalog import forms
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.wording import few

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.export import check, reference, timing

    devices.take(devices.Compute()).tell(progress.say, progress.warn)

    form = forms.named(snakemake.params.form)
    runtime = importlib.import_module(form.runtime)
    folders = {Path(config).parents[1].name: Path(config).parent for config in snakemake.input.configs}
    detectors = {model: runtime.load(folder / form.path) for model, folder in folders.items()}
    images = reference.images(snakemake.input.records)
    times = timing.in_turns(detectors, images)
    found = {"form": form.name, "device": check.device(), "images": len(images), "models": times}
    files.write_json(snakemake.output[0], found)
    told = [f"{model} {time['ms_per_image']:.1f} ms" for model, time in times.items()]
    progress.conclude(f"{few(told, 5)} per image")

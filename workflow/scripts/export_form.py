"""Write one form of the detector and check that it gives the same detections as the checkpoint."""

from pathlib import Path

from boxwright.catalog import forms
from boxwright.console.job import job
from boxwright.core import files

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.export import reference
    from boxwright.export.form import export

    devices.take(devices.Compute()).tell(progress.say, progress.warn)

    form = forms.named(snakemake.params.form)
    folder = Path(snakemake.input.config).parent
    int8 = snakemake.params.int8
    checked = export(
        form,
        folder / forms.named(form.made_from).path,
        reference.images(snakemake.input.records),
        folder,
        snakemake.input.reference,
        reference.drawn(snakemake.input.calibration, **int8) if form.calibrated else (),
    )
    files.write_json(snakemake.output.check, checked)

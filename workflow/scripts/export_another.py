"""Export a further checkpoint with all its forms into a folder of its own, and check each form."""

from pathlib import Path

from boxwright.catalog import forms
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.errors import UserError

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.export import detector, form, reference, summary
    from boxwright.pipeline import text

    devices.take(devices.Compute()).tell(progress.say, progress.warn)

    index, _ = snakemake.input.checkpoint
    images, label_map = reference.images(snakemake.input.records), snakemake.input.label_map
    with files.whole_folder(snakemake.output[0]) as folder:
        kept = folder.with_name(f"{folder.name}.npz")
        try:
            config = text.read(snakemake.input.config)
            checks = {
                forms.CHECKPOINT.name: detector.export(
                    config, index.removesuffix(".index"), label_map, images, folder, kept
                )
            }
            for name in snakemake.params.forms:
                wanted = forms.named(name)
                source = folder / forms.named(wanted.made_from).path
                calibration = ()
                if wanted.calibrated:
                    calibration = reference.drawn(snakemake.input.calibration, **snakemake.params.int8)
                checks[name] = form.export(wanted, source, images, folder, kept, calibration)
        finally:
            kept.unlink(missing_ok=True)
        complaints = summary.complaints(checks)
        if complaints and snakemake.params.gate == "fail":
            raise UserError("\n".join([f"{Path(snakemake.output[0])} loses too much.", *complaints, summary.ADVICE]))
        for complaint in complaints:
            progress.warn(complaint)
        files.write_json(folder / forms.SUMMARY, summary.summary(checks))
    progress.conclude(f"{len(checks)} forms in {snakemake.output[0]}")

"""Export the chosen checkpoint, the files that all forms share, and the reference that forms are checked against."""

from pathlib import Path

from boxwright.console.job import job
from boxwright.core import files

with job(snakemake, tensorflow=True):
    from boxwright import devices
    from boxwright.console import progress
    from boxwright.export import detector, reference
    from boxwright.pipeline import text

    devices.take(devices.Compute()).tell(progress.say, progress.warn)

    index, _ = snakemake.input.checkpoint
    checked = detector.export(
        text.read(snakemake.input.config),
        index.removesuffix(".index"),
        snakemake.input.label_map,
        reference.images(snakemake.input.records),
        Path(snakemake.output.config).parent,
        snakemake.output.reference,
    )
    files.write_json(snakemake.output.check, checked)

"""Pack one form of the detector, its labels, its program and a page about it into one zip."""

from pathlib import Path

from boxwright.catalog import forms
from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.export import bundle

with job(snakemake):
    further = snakemake.wildcards.further.removeprefix("-")
    about = {
        "model": snakemake.wildcards.model,
        "step": int(further) if further else files.read_json(snakemake.input.choice)["step"],
        "check": files.read_json(snakemake.input.check),
        "measured": files.read_json(snakemake.input.measured),
    }
    (target,) = snakemake.output
    bundle.write(forms.named(snakemake.params.form), Path(snakemake.input.labels).parent, target, about)
    progress.conclude(f"{Path(target).stat().st_size / 1e6:.1f} MB")

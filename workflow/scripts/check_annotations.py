"""Write down every defect of the annotations with what was done about it, and say it in short."""

from pathlib import Path

from boxwright import files, progress
from boxwright.annotations import plan
from boxwright.job import job

with job(snakemake):
    folder = Path(snakemake.params.plan)
    progress.say(plan.load(folder.parent).summary)
    files.copy(folder / "checks.tsv", snakemake.output[0])

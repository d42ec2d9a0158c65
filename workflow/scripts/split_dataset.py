"""Write down on which side of the split each image is."""

from pathlib import Path

from boxwright import files, progress
from boxwright.annotations import plan
from boxwright.job import job

with job(snakemake):
    folder = Path(snakemake.params.plan)
    counts = plan.load(folder.parent).counts
    progress.conclude(f"{counts['train']['images']} to train with, {counts['eval']['images']} to measure with")
    files.copy(folder / "split.tsv", snakemake.output[0])

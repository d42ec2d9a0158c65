"""Write down on which side of the split each image is."""

from pathlib import Path

from boxwright import files
from boxwright.job import job

with job(snakemake):
    files.copy(Path(snakemake.params.plan) / "split.tsv", snakemake.output[0])

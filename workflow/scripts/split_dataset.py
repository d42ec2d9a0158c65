"""Write down on which side of the split each image is."""

from pathlib import Path

from boxwright import files
from boxwright.job import job

with job(snakemake), files.writing(snakemake.output[0]) as file:
    file.write((Path(snakemake.params.plan) / "split.tsv").read_bytes())

"""Write the label map: the id of each class, from 1."""

from pathlib import Path

from boxwright import files
from boxwright.job import job

with job(snakemake):
    files.copy(Path(snakemake.params.plan) / "label_map.pbtxt", snakemake.output[0])

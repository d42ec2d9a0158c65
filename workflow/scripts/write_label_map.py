"""Write the label map: the id of each class, from 1."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.dataset import label_map

with job(snakemake):
    files.copy(Path(snakemake.params.plan) / "label_map.pbtxt", snakemake.output[0])
    classes = len(label_map.read(snakemake.output[0]))
    progress.conclude("1 class" if classes == 1 else f"{classes} classes")

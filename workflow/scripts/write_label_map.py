"""Write the label map: the id of each class, from 1."""

from pathlib import Path

from boxwright import files, progress
from boxwright.annotations import label_map
from boxwright.job import job

with job(snakemake):
    files.copy(Path(snakemake.params.plan) / "label_map.pbtxt", snakemake.output[0])
    classes = len(label_map.read(snakemake.output[0], gaps=True))
    progress.conclude("1 class" if classes == 1 else f"{classes} classes")

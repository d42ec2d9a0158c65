"""Write the label map: the id of each class, from 1."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.wording import plural
from boxwright.dataset import label_map

with job(snakemake):
    files.copy(Path(snakemake.params.plan) / "label_map.pbtxt", snakemake.output[0])
    progress.conclude(plural(len(label_map.read(snakemake.output[0])), "class", "classes"))

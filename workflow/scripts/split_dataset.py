"""Write a table of the side of the split that each image is on."""

from collections import Counter
from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.wording import plural

with job(snakemake):
    split = Path(snakemake.params.plan) / "split.tsv"
    files.copy(split, snakemake.output[0])
    with split.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        next(lines)
        sides = Counter(line.split("\t")[1] for line in lines)
    tested = f", {sides['test']} for the test" if sides["test"] else ""
    progress.conclude(f"{plural(sides['train'], 'image')} for training, {sides['eval']} for evaluation{tested}")

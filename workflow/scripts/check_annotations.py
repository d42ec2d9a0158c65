"""Write a table of every defect of images and annotations with what was done about it, and print a summary."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.wording import plural
from boxwright.dataset import plan, summary

with job(snakemake):
    folder = Path(snakemake.params.plan)
    planned = plan.load(folder.parent)
    calm = summary.is_calm(planned.summary)
    progress.say(planned.summary)  # the run has printed it before its first job
    found = planned.counts["found"]
    there = f"{plural(found['images'], 'image')}, {plural(found['annotations'], 'annotation')}"
    progress.conclude(f"{there}{', nothing wrong' if calm else ''}")
    files.copy(folder / "checks.tsv", snakemake.output[0])

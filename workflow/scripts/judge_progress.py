"""Decide from the evaluations so far whether the training continues."""

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.evaluation import stopping

with job(snakemake):
    decision = stopping.run(snakemake.input.metrics, snakemake.output[0], **snakemake.params.wanted)
    progress.conclude(f"{'goes on' if decision['go_on'] else 'stops early'}, {decision['reason']}")

"""Decide by the evaluations so far whether the training goes on."""

from boxwright import progress
from boxwright.evaluation import stopping
from boxwright.job import job

with job(snakemake):
    decision = stopping.run(snakemake.input.metrics, snakemake.output[0], **snakemake.params.wanted)
    progress.conclude(f"{'goes on' if decision['go_on'] else 'stops early'}, {decision['reason']}")

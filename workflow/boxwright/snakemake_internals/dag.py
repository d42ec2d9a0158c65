"""Corrections of three cases that Snakemake overlooks when it decides which jobs to run.

A job behind an `ancient` input: once anything upstream will run, Snakemake does not check whether the job itself has
changed. It assumes that the job will run anyway, but `ancient` then keeps it from running (snakemake/snakemake#4166, as
of 9.27). Nearly every job here is behind such an input, so an edit would reach training only at the second attempt. On
the other hand Snakemake reruns the job when the input file is missing, although that file is made again with the same
bytes.

A decision not made yet (a Snakemake `checkpoint`): Snakemake does not check whether a job that waits for one is up to
date. If the job's outputs exist from a shorter run, the decision is never made, and a training that may continue does
not.

A damaged result: Snakemake notices neither a truncated file, nor a missing one that only finished jobs need.
"""

from collections import defaultdict
from pathlib import Path

from snakemake.dag import DAG

from boxwright.console.checksums import Checksums
from boxwright.console.progress import say

_SHOWN = 5


def watch(checksums: Checksums | None) -> None:
    """Make Snakemake handle all three in the planned run; with `checksums` None it does not look for damage."""
    original = getattr(DAG.update_needrun, "original", DAG.update_needrun)
    compared = False

    async def update_needrun(dag: DAG, *arguments, **named) -> None:
        nonlocal compared
        if checksums is not None and not compared:
            compared = True  # results written from now on have no receipt yet
            dag.forcefiles.update(_damaged(dag, checksums))
        dag.forcefiles.update(_undecided(dag))
        depending, dag.depending = dag.depending, _without_ancient(dag.depending)
        try:
            await original(dag, *arguments, **named)
        finally:
            dag.depending = depending

    update_needrun.original = original
    DAG.update_needrun = update_needrun


def _damaged(dag: DAG, checksums: Checksums) -> set[str]:
    """The outputs of the run's jobs that differ from what was written; prints one for each job."""
    damaged, said = set(), []
    for job in dag.jobs:
        wrong = {name: text for name in job.output if not name.is_storage and (text := checksums.complaint(name))}
        damaged |= wrong.keys()
        said += [f"{text}: made again" for text in list(wrong.values())[:1]]
    if len(said) > _SHOWN:
        said[_SHOWN:] = [f"... and {len(said) - _SHOWN} more results"]
    for line in said:
        say(line)
    return damaged


def _undecided(dag: DAG) -> list[str]:
    """The outputs of jobs whose input depends on a decision that is not made yet."""
    return [
        output
        for job in dag.jobs
        if any(given.flags.get("checkpoint_target") and not Path(given).exists() for given in job.input)
        for output in job.output
    ]


def _without_ancient(depending: defaultdict) -> defaultdict:
    """`depending` (by job, the jobs that take its files, and which) without takers of `ancient` files only."""
    hard = defaultdict(dict)
    for job, takers in depending.items():
        hard[job] = {taker: names for taker, names in takers.items() if not all(name.is_ancient for name in names)}
    return hard

"""Three things that Snakemake overlooks when it finds out which jobs to run.

A job behind an `ancient` input: once anything upstream is to run, Snakemake does not ask whether the job itself has
changed, since it takes it for one that will run anyway, and `ancient` then keeps it from running
(snakemake/snakemake#4166, as of 9.27). Nearly every job here is behind such an input, so an edit would reach training
at the second attempt only. And it runs the job after all where the file is missing, although it is made again with
the same bytes.

A decision still to be made (a Snakemake `checkpoint`): a job that waits for one is not asked whether it is up to date,
and where its outputs exist from a shorter run, the decision is never made, so a training that may go on would not.

A damaged result: Snakemake sees neither that a file was cut short, nor that one is gone which only finished jobs need.
"""

from collections import defaultdict
from pathlib import Path

from snakemake.dag import DAG

from boxwright.console.checksums import Checksums
from boxwright.console.progress import say

_SHOWN = 5


def watch(checksums: Checksums | None) -> None:
    """Let Snakemake see all of them in the run that is being planned; `checksums` None where damage does not matter."""
    original = getattr(DAG.update_needrun, "original", DAG.update_needrun)
    compared = False

    async def update_needrun(dag: DAG, *arguments, **named) -> None:
        nonlocal compared
        if checksums is not None and not compared:
            compared = True  # what is written from now on has no receipt yet
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
    """The outputs of the run's jobs which are not what was written; one of each job is said."""
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
    """Of the files that jobs take from a job, by job and job, those through which a rerun spreads."""
    hard = defaultdict(dict)
    for job, takers in depending.items():
        hard[job] = {taker: names for taker, names in takers.items() if not all(name.is_ancient for name in names)}
    return hard

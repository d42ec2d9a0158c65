"""Two things that Snakemake overlooks when it finds out which jobs to run.

A job behind an `ancient` input: once anything upstream is to run, Snakemake does not ask whether the job itself has
changed, since it takes it for one that will run anyway, and `ancient` then keeps it from running
(snakemake/snakemake#4166, as of 9.27). Nearly every job here is behind such an input, so an edit would reach training
at the second attempt only.

A damaged result: Snakemake sees neither that a file was cut short, nor that one is gone which only finished jobs need.
"""

from collections.abc import Callable, Iterator

from snakemake.dag import DAG

from boxwright.progress import say
from boxwright.receipts import Receipts

_SHOWN = 5


def watch(receipts: Receipts | None) -> None:
    """Let Snakemake see both in the run that is being planned; `receipts` None where damage does not matter."""
    original = getattr(DAG.update_needrun, "original", DAG.update_needrun)
    compared = False

    async def update_needrun(dag: DAG, *arguments, **named) -> None:
        nonlocal compared
        if receipts is not None and not compared:
            compared = True  # what is written from now on has no receipt yet
            dag.forcefiles.update(_damaged(dag, receipts))
        dag.bfs = _stop_at_ancient(dag)
        try:
            await original(dag, *arguments, **named)
        finally:
            del dag.bfs

    update_needrun.original = original
    DAG.update_needrun = update_needrun


def _damaged(dag: DAG, receipts: Receipts) -> list[str]:
    """The outputs of the run's jobs which are not what was written; each is said."""
    outputs = [output for job in dag.jobs for output in job.output if not output.is_storage]
    complaints = {output: complaint for output in outputs if (complaint := receipts.complaint(output))}
    said = [f"{complaint}: made again" for complaint in complaints.values()]
    if len(said) > _SHOWN:
        said[_SHOWN:] = [f"... and {len(said) - _SHOWN} more results"]
    for line in said:
        say(line)
    return list(complaints)


def _stop_at_ancient(dag: DAG) -> Callable[..., Iterator]:
    """`DAG.bfs`, which on its way downstream takes no step that has only `ancient` inputs."""

    def bfs(direction, *jobs, **named):
        if direction is dag.depending:
            direction = _Hard(direction)
        return DAG.bfs(dag, direction, *jobs, **named)

    return bfs


class _Hard:
    """The jobs that depend on a job by at least one input that is not `ancient`."""

    def __init__(self, depending) -> None:
        self._depending = depending

    def __getitem__(self, job):
        found = self._depending[job]
        return {other: names for other, names in found.items() if not all(name.is_ancient for name in names)}

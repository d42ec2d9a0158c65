"""Corrections of five cases that Snakemake overlooks when it decides which jobs to run, and together with which.

A job behind an `ancient` input: once anything upstream will run, Snakemake does not check whether the job itself has
changed. It assumes that the job will run anyway, but `ancient` then keeps it from running (snakemake/snakemake#4166, as
of 9.27). Nearly every job here is behind such an input, so an edit would reach training only at the second attempt. On
the other hand Snakemake reruns the job when the input file is missing, although that file is made again with the same
bytes.

A decision not made yet (a Snakemake `checkpoint`): Snakemake does not check whether a job that waits for one is up to
date. If the job's outputs exist from a shorter run, the decision is never made, and a training that may continue does
not.

A damaged result: Snakemake notices neither a truncated file, nor a missing one that only finished jobs need.

Lost notes: Snakemake keeps what a result was made with in `.snakemake`, by the result's path. If these notes are gone,
empty (after a power cut), or those of other results that had the same path, it takes every result for up to date. The
receipts, which lie with the results, hold the same.

Groups of small jobs: Snakemake looks at them again after each decision and puts groups of the wanted size together once
more, until all jobs are in a single one.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from snakemake.dag import DAG
from snakemake.jobs import Job
from snakemake.settings.types import RerunTrigger

from boxwright.console.checksums import Checksums
from boxwright.console.planned import CHANGED, FORCED, MISSING, UPSTREAM, Planned
from boxwright.console.progress import say
from boxwright.core.wording import few, plural

_SHOWN = 5


def watch(checksums: Checksums | None, dispensable: Set[str] = frozenset()) -> None:
    """Make Snakemake handle all five in the planned run; with `checksums` None it does not look at the results.

    dispensable: results that may be missing; they are made again only for a job that runs and needs them.
    """
    original = getattr(DAG.update_needrun, "original", DAG.update_needrun)
    compared = False
    seen: set[str] = set()

    async def update_needrun(dag: DAG, *arguments, **named) -> None:
        nonlocal compared
        if checksums is not None and not compared:
            compared = True  # results written from now on have no receipt yet
            dag.forcefiles.update(_damaged(dag, checksums, dispensable))
        if checksums is not None and RerunTrigger.PARAMS in dag.workflow.rerun_triggers:
            dag.forcefiles.update(_outdated(dag, checksums, seen))
        dag.forcefiles.update(await _undecided(dag))
        depending, dag.depending = dag.depending, _without_ancient(dag.depending)
        try:
            await original(dag, *arguments, **named)
        finally:
            dag.depending = depending

    update_needrun.original = original
    DAG.update_needrun = update_needrun
    _group_once()


def tell(
    telling: Callable[[Sequence[Planned]], Mapping[int, str]], reasons: dict[int, str], jobs: list[Planned]
) -> None:
    """Call `telling` with the jobs that will run, before Snakemake prints their table for the first time.

    It says what the run will do, and gives the reason of each job by its number, which goes into `reasons`; the jobs go
    into `jobs`.
    """
    original = getattr(DAG.stats, "original", DAG.stats)
    told = False

    def stats(dag: DAG) -> Any:
        nonlocal told
        if not told:
            told = True
            jobs.extend(_planned(dag))
            reasons.update(telling(jobs))
        return original(dag)

    stats.original = original
    DAG.stats = stats


def _planned(dag: DAG) -> Iterator[Planned]:
    for level in dag.toposorted(set(dag.needrun_jobs())):
        for job in sorted(level, key=lambda job: dag.jobid(job)):
            reason = dag.reason(job)
            if reason.missing_output or reason.incomplete_output:
                cause = MISSING
            elif reason.is_provenance_triggered():
                cause = CHANGED
            else:
                cause = UPSTREAM if (reason.updated_input or reason.updated_input_run) and not reason.forced else FORCED
            identity = job.params.get("identity")
            # In a module of another workflow the rule has a longer name, but the same script.
            rule = Path(job.rule.script).stem if job.rule.script else job.rule.name
            benchmark = str(job.benchmark or "")
            yield Planned(dag.jobid(job), rule, job.wildcards_dict, list(job.output), identity, cause, benchmark)


def _group_once() -> None:
    """Let Snakemake put small jobs together only while they are in no group of the wanted size yet."""
    original = getattr(DAG._update_group_components, "original", DAG._update_group_components)
    grouped: set[Job] = set()

    def update_group_components(dag: DAG) -> None:
        settled = {job: group for job, group in dag._group.items() if grouped.issuperset(group.jobs)}
        dag._group = {job: group for job, group in dag._group.items() if job not in settled}
        original(dag)
        for group in settled.values():
            group.finalize()
        dag._group |= settled
        grouped.update(dag._group)

    update_group_components.original = original
    DAG._update_group_components = update_group_components


def _damaged(dag: DAG, checksums: Checksums, dispensable: Set[str]) -> set[str]:
    """The outputs of the run's jobs that differ from what was written; prints one for each job.

    Of damaged receipts it says that they tell nothing: the results themselves may be sound.
    """
    damaged, said, mute = set(), [], []
    for job in dag.jobs:
        looked_at = [name for name in job.output if not name.is_storage and name not in dispensable]
        mute += [name for name in looked_at if checksums.is_damaged(name)]
        wrong = {name: text for name in looked_at if (text := checksums.complaint(name))}
        damaged |= wrong.keys()
        # Of an unfinished output that is not there nothing is made again: what is to do is told with all the rest.
        begun = [name for name in wrong if checksums.is_unfinished(name) and not Path(name).exists()]
        said += [f"{text}: made again" for name, text in wrong.items() if name not in begun][:1]
    _say_some(said)
    if mute:
        say(
            f"{plural(len(mute), 'receipt is', 'receipts are')} damaged (below {checksums.folder}), so nothing tells "
            f"whether these results are whole: {few(mute)}. Delete the results to make them again, or only the "
            "receipts to keep the results as they are."
        )
    return damaged


def _outdated(dag: DAG, checksums: Checksums, seen: set[str]) -> set[str]:
    """The outputs that were made with something else, and of which Snakemake does not know it; prints one for each job.

    seen: the outputs that were looked at before; those of this call are added.
    """
    outdated, said = set(), []
    for job in dag.jobs:
        wanted = job.params.get("identity")
        outputs = [name for name in job.output if not name.is_storage and name not in seen and checksums.keeps(name)]
        seen.update(outputs)
        if wanted is None:
            continue
        wrong = {name: text for name in outputs if (text := _difference(dag, job, name, wanted, checksums))}
        outdated |= wrong.keys()
        said += [f"{name} {text}: made again" for name, text in list(wrong.items())[:1]]
    _say_some(said)
    return outdated


def _difference(dag: DAG, job: Job, name: str, wanted: Any, checksums: Checksums) -> str:
    """How an output differs from what the run wants, if Snakemake does not know it; "" if it does not."""
    if not Path(name).exists() or checksums.is_unfinished(name):
        return ""
    notes = dag.workflow.persistence
    made = checksums.made_with(name).get("identity")
    if made is None:  # made by an earlier release, or its receipt is lost
        return "" if notes.params(name) is not None else "has no receipt of what it was made with"
    wanted = json.loads(json.dumps(wanted))
    if made == wanted or notes.params_changed(job, name):
        return ""
    if isinstance(made, dict) and isinstance(wanted, dict):
        names = sorted(key for key in made | wanted if made.get(key) != wanted.get(key))
        return f"was made with other values of: {', '.join(names)}"
    return "was made from something else"


def _say_some(lines: list[str]) -> None:
    lines = list(dict.fromkeys(lines))  # of a folder that is gone each file says so
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"... and {len(lines) - _SHOWN} more results"]
    for line in lines:
        say(line)


async def _undecided(dag: DAG) -> list[str]:
    """The outputs that exist of jobs whose input depends on a decision that is not made yet and that nothing asks for.

    A decision that is made again because it was lost needs no help: then Snakemake looks at these jobs anew.
    """
    found = []
    for job in dag.jobs:
        decisions = [given for given in job.input if given.flags.get("checkpoint_target")]
        # With results in an object store only Snakemake knows whether a file is there.
        if any([given not in dag.forcefiles and not await given.exists() for given in decisions]):
            found += [output for output in job.output if output.is_storage or Path(output).exists()]
    return found


def _without_ancient(depending: defaultdict) -> defaultdict:
    """`depending` (by job, the jobs that take its files, and which) without takers of `ancient` files only.

    Who waits for a decision stays: Snakemake looks at such a job's own changes only once the decision is made, and what
    is made from it must not start before.
    """
    hard = defaultdict(dict)
    for job, takers in depending.items():
        hard[job] = {taker: names for taker, names in takers.items() if not all(name.is_ancient for name in names)}
    return hard

"""The purpose of the process that reads the rules: Snakemake reads them in the run itself and again in every job."""

import logging
import sys
from typing import NamedTuple

from snakemake.workflow import Workflow

from boxwright.console import progress
from boxwright.snakemake_internals import terminal


class Process(NamedTuple):
    """The purpose of a process.

    plans: it is the run itself and decides which jobs exist. works: it also runs them, unlike a dry run. lints: it only
    reads the rules. configured: a configuration was given that replaces the Snakefile's. on_disk: the results are files
    on this machine or a shared disk, not in an object store.
    """

    plans: bool
    works: bool
    lints: bool
    configured: bool
    on_disk: bool


def of(workflow: Workflow) -> Process:
    """The purpose of the process of this workflow."""
    plans = workflow.is_main_process
    return Process(
        plans=plans,
        # Only in a dry run does Snakemake log to standard output.
        works=plans and not workflow.output_settings.stdout,
        lints="--lint" in sys.argv,
        configured=bool(workflow.overwrite_configfiles),
        on_disk=not workflow.storage_settings.default_storage_provider,
    )


def show_stages(workflow: Workflow, logger: logging.Logger) -> None:
    """Make the terminal of a run show one line per stage; in every other process the output stays as it is."""
    if not workflow.subprocess_exec:
        progress.show_lines(False)
    if of(workflow).works:
        # Snakemake knows how jobs are executed only after it has read the rules.
        terminal.take_over(logger, workflow.output_settings, local=lambda: workflow.local_exec)

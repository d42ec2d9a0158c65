"""What the process is for that reads the rules: Snakemake reads them in the run itself and again in every job."""

import logging
import sys
from typing import NamedTuple

from snakemake.workflow import Workflow

from boxwright.console import progress
from boxwright.snakemake_internals import terminal


class Process(NamedTuple):
    """plans: it is the run itself and decides which jobs there are. works: it runs them too, which a dry run does not.
    lints: it only reads the rules. configured: a configuration was given beside that of the Snakefile.
    """

    plans: bool
    works: bool
    lints: bool
    configured: bool


def of(workflow: Workflow) -> Process:
    """What the process of this workflow is for."""
    plans = workflow.is_main_process
    return Process(
        plans=plans,
        # Snakemake writes a dry run, and nothing else, to standard output.
        works=plans and not workflow.output_settings.stdout,
        lints="--lint" in sys.argv,
        configured=bool(workflow.overwrite_configfiles),
    )


def show_stages(workflow: Workflow, logger: logging.Logger) -> None:
    """Let the terminal of a run show one line per stage; in every other process leave what is printed as it is."""
    if not workflow.subprocess_exec:
        progress.show_lines(False)
    if of(workflow).works:
        # How jobs are executed is known only after the rules were read.
        terminal.take_over(logger, workflow.output_settings, local=lambda: workflow.local_exec)

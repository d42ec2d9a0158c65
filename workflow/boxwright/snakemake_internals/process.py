"""The purpose of the process that reads the rules: Snakemake reads them in the run itself and again in every job."""

import logging
import sys
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

from snakemake import cli
from snakemake.workflow import Workflow

from boxwright.console import progress
from boxwright.core.code import PACKAGE
from boxwright.snakemake_internals import terminal

# Options with which Snakemake runs no job and changes no result.
_READING = (
    "lint",
    "list_rules",
    "list_target_rules",
    "print_compilation",
    "containerize",
    "reporter",
    "generate_unit_tests",
    "dag",
    "rulegraph",
    "filegraph",
    "d3dag",
    "unlock",
    "cleanup_metadata",
    "conda_cleanup_envs",
    "conda_create_envs_only",
    "list_conda_envs",
    "cleanup_shadow",
    "container_cleanup_images",
    "list_changes",
    "list_input_changes",
    "list_params_changes",
    "list_untracked",
    "summary",
    "detailed_summary",
    "archive",
)


class Process(NamedTuple):
    """The purpose of a process.

    plans: it is the run itself and decides which jobs exist. announces: it runs them or shows what would run, unlike a
    report. works: it runs them.
    locks: it must be the only one that works on its results. unlocks: it removes locks. lints: it only reads the rules.
    configured: a configuration was given that replaces the Snakefile's. configfiles: the files that the configuration
    comes from. on_disk: the results are files on this machine or a shared disk, not in an object store.
    """

    plans: bool
    announces: bool
    works: bool
    locks: bool
    unlocks: bool
    lints: bool
    configured: bool
    configfiles: tuple[str, ...]
    on_disk: bool


def of(workflow: Workflow) -> Process:
    """The purpose of the process of this workflow."""
    plans, given = workflow.is_main_process, _arguments()
    reads = [name for name in _READING if getattr(given, name, None)]
    if reads == ["reporter"] and given.report_after_run:
        reads = []
    works = plans and not reads and not _is_dry(workflow)
    return Process(
        plans=plans,
        announces=plans and not reads,
        works=works,
        locks=works and not getattr(given, "nolock", False),
        unlocks=plans and "unlock" in reads,
        lints="lint" in reads,
        configured=bool(workflow.overwrite_configfiles),
        # A `workdir:` after its `configfile:` may have left a relative path behind.
        configfiles=tuple(
            str(path) for path in [*workflow.configfiles, *workflow.overwrite_configfiles] if Path(path).is_file()
        ),
        on_disk=not workflow.storage_settings.default_storage_provider,
    )


def whole_configuration(workflow: Workflow) -> str | None:
    """The one file that is the whole configuration of a workflow whose rules are read; None if no file is.

    No file is where there are several, where `--config` changes some values, and where the workflow is the module of
    another one.
    """
    is_module = Path(workflow.main_snakefile).resolve() != PACKAGE.parents[1] / "Snakefile"
    if is_module or workflow.config_settings.config or len(workflow.configfiles) != 1:
        return None
    return str(workflow.configfiles[0])


def _is_dry(workflow: Workflow) -> bool:
    """Whether this is a dry run: only then does Snakemake log to standard output."""
    return workflow.output_settings.stdout


def _arguments() -> Namespace | None:
    """The options of Snakemake's command line, which it does not give to the workflow; None if it is used otherwise."""
    frame = sys._getframe()
    while frame and frame.f_code is not cli.args_to_api.__code__:
        frame = frame.f_back
    return frame.f_locals["args"] if frame else None


def show_stages(workflow: Workflow, logger: logging.Logger) -> None:
    """Make the terminal of a run show one line per stage, and that of a dry run the reason of each job in words.

    In every other process the output stays as it is.
    """
    if not workflow.subprocess_exec:
        progress.show_lines(False)
    if workflow.is_main_process and _is_dry(workflow):
        terminal.shorten(logger, workflow.output_settings)
    elif workflow.is_main_process:
        # Snakemake knows how jobs are executed only after it has read the rules.
        terminal.take_over(logger, workflow.output_settings, local=lambda: workflow.local_exec)

"""`boxwright run` and `boxwright report`: start Snakemake on this workflow, with all that it needs.

They do what `make run` and `make report` do, on systems without make too, and check first what Snakemake itself would
answer with a traceback: a configuration that cannot be read, a user without a home folder.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from boxwright.console.progress import say
from boxwright.core import interrupts
from boxwright.core.code import PACKAGE
from boxwright.core.errors import UserError
from boxwright.core.wording import command, from_here
from boxwright.run import config_file, places, settings

SNAKEFILE = PACKAGE.parents[1] / "Snakefile"
REPORT = "report.html"
# What the report begins with, written when everything else is there.
_FIRST_PAGE = "comparison/answer.rst"
# Set in the environment of a run that is followed by its report.
_REPORTS = "BOXWRIGHT_REPORTS"
# Options with which a run makes no results that a report could show.
DRY = ("-n", "--dry-run", "--dryrun", "--unlock", "--lint", "--list-rules", "--summary", "--dag", "--help", "-h")


def run(config: str | None, cores: str, options: Sequence[str]) -> int:
    """Run the workflow, then write its report; the exit status is Snakemake's.

    config: the configuration; None for the demo. options: further options and targets for Snakemake.
    """
    _check(config)
    status = _snakemake(["--cores", cores, *options], config, {_REPORTS: "1"})
    if status or any(one in DRY for one in options):
        return status
    results = _results(config)
    if not (first := results / _FIRST_PAGE).is_file():
        say(f"No report is written, since there is no {first}: this run did not make all results of the configuration.")
        return status
    return _write_report(results, config)


def report(config: str | None) -> int:
    """Write the report of a finished run and print its path; the exit status is Snakemake's."""
    _check(config)
    results = _results(config)
    first = command("run", *_option(config))
    if not results.is_dir():
        raise UserError(f"There is nothing to report: the folder {results} does not exist. Run `{first}` first.")
    if not (results / _FIRST_PAGE).is_file():
        raise UserError(f"The run is not finished: there is no {results / _FIRST_PAGE}. `{first}` finishes it.")
    return _write_report(results, config)


def how_to_report(results: str, config: str | None) -> str | None:
    """What writes the report of this process's run, in words; None if it follows, as after `boxwright run`.

    config: the one file that is the whole configuration; None if no file is.
    """
    if _REPORTS in os.environ:
        return None
    if config:
        return f"`{command('report', *_option(from_here(config)))}` writes it"
    return f"the same command with `--report {shlex.quote(str(Path(results) / REPORT))}` writes it"


def _write_report(results: Path, config: str | None) -> int:
    path = results / REPORT
    status = _snakemake(["--report", str(path)], config)
    if not status:
        say(f"The report is {path}: open it in a browser.")
    return status


def _results(config: str | None) -> Path:
    return Path(settings.read(config or config_file.DEMO)["results"])


def _option(config: str | None) -> list[str]:
    """The option that gives a command its configuration; none for the demo."""
    return ["--configfile", config] if config else []


def _check(config: str | None) -> None:
    """Raise UserError for a configuration that cannot be read, or where there is none."""
    if not SNAKEFILE.is_file():
        raise UserError(f"The workflow is not there ({SNAKEFILE}): this command belongs to a checkout of boxwright.")
    if config is None and not Path(config_file.DEMO).is_file():
        raise UserError(
            f"Name the configuration: `--configfile my.yaml`. Without one the demo runs, which is {config_file.DEMO}, "
            f"and that is not in {Path.cwd()}."
        )
    try:
        config_file.check([config or config_file.DEMO])
    except UserError as error:
        from boxwright.run import refusal  # it imports much, and most configurations can be read

        raise UserError(refusal.told(error)) from error


def _snakemake(arguments: Sequence[str], config: str | None, more: Mapping[str, str] = MappingProxyType({})) -> int:
    """The exit status of Snakemake with some arguments, and with `more` in its environment."""
    # The working folder's modules are none of Python's (-P). The option of the configuration takes all that follows.
    started = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(SNAKEFILE), *arguments, *_option(config)]
    environment = {**os.environ, **more}
    if places.home():
        home = Path(".snakemake/home").absolute()
        home.mkdir(parents=True, exist_ok=True)
        environment["HOME"] = str(home)
        say(f"This user has no home folder, without which Snakemake does not start; it gets {home}.")
    with interrupts.held():  # until Snakemake has loaded the workflow's own modules
        process = subprocess.Popen(started, env=environment)
    with process:
        while True:
            try:
                status = process.wait()
                return 130 if status == -signal.SIGINT else status
            except KeyboardInterrupt:  # Snakemake gets it too, and ends its jobs
                continue

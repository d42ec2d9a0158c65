"""`boxwright run`: train, measure, export and report."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from boxwright.cli import status
from boxwright.run import launch, places

HELP = "train, measure, export and report"
DESCRIPTION = (
    "Run the workflow and write its report. All other options and targets go to Snakemake: -n shows what would be done."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--configfile", metavar="FILE", help="the configuration (default: the demo)")
    parser.add_argument("--cores", metavar="N", type=_cores, default="all", help="processors to use (default: all)")


def _cores(text: str) -> str:
    """The number of processors, as Snakemake takes it."""
    if text != "all" and not (text.isdecimal() and int(text) > 0):
        raise ArgumentTypeError(f"{text} is no number of processors: write a whole number from 1 on, or all")
    return text


def run(given: Namespace) -> int:
    """Run the workflow; `given.others` are the options for Snakemake."""
    return status.of(lambda: _run(given))


def _run(given: Namespace) -> int:
    # Loading Snakemake takes a second, so its options are looked up only where there are unusual ones; and without a
    # home folder, which `launch` makes up for, it cannot be loaded here.
    unusual = any(one.startswith(("--", "-C")) and one not in launch.DRY for one in given.others)
    if unusual and not places.home():
        from boxwright.snakemake_internals import options

        if why := options.refused(given.others):
            print(why, file=sys.stderr)
            return 2
    return launch.run(given.configfile, given.cores, given.others)

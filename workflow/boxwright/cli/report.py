"""`boxwright report`: write the report of a finished run."""

from argparse import ArgumentParser, Namespace

from boxwright.cli import status
from boxwright.run import launch

HELP = "write the report of a finished run"
DESCRIPTION = "Write report.html into the results folder of a finished run: all figures and tables in one file."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--configfile", metavar="FILE", help="the configuration of the run (default: the demo)")


def run(given: Namespace) -> int:
    return status.of(lambda: launch.report(given.configfile))

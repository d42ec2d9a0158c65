"""`boxwright doctor`: show what this machine has, and what would fail on it."""

from argparse import ArgumentParser, Namespace

from boxwright.cli import status
from boxwright.run import doctor

HELP = "show what this machine has, and what would fail on it"
DESCRIPTION = "Check this machine. Exit status: 0 if nothing would fail, 1 otherwise."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--configfile", metavar="FILE", help="the configuration of the run to check for")


def run(given: Namespace) -> int:
    """Print what this machine has, and what would fail."""
    return status.of(lambda: _run(given))


def _run(given: Namespace) -> int:
    findings = doctor.examine(given.configfile)
    print(doctor.table(findings))
    return int(any(finding.level == doctor.FAILS for finding in findings))

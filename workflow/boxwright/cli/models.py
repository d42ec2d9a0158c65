"""`boxwright models [WORD ...]`: list the detectors of the model zoo."""

from argparse import ArgumentParser, Namespace

from boxwright.cli import status
from boxwright.zoo import table

HELP = "list the detectors of the model zoo"
DESCRIPTION = "List the detectors of the model zoo with their published figures and whether they can be trained."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="list only detectors with all these in their names")


def run(given: Namespace) -> int:
    return status.of(lambda: print(table.render(given.words)))

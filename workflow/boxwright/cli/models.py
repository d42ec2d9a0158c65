"""`boxwright models`: list the detectors of the model zoo."""

from argparse import ArgumentParser, Namespace

from boxwright.zoo import table

HELP = "list the detectors of the model zoo"
DESCRIPTION = "List the detectors of the model zoo with their published figures and whether they can be trained."


def add_arguments(parser: ArgumentParser) -> None:
    """It takes none."""


def run(given: Namespace) -> int:
    print(table.render())
    return 0

"""The `boxwright` command: `boxwright lint FILE ...` says what in pipeline.config files will hurt."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from boxwright.errors import UserError
from boxwright.pipeline.lint import LEVELS, lint
from boxwright.pipeline.text import read_document


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 without an error, 1 with one, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="boxwright", description=__doc__.split(": ", 1)[1].rstrip("."))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "lint",
        help="say what in pipeline.config files will hurt",
        description="Check pipeline.config files. Exit status: 0 without an error, 1 with one, 2 on wrong usage.",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a pipeline.config of the OD API")
    return run_lint(parser.parse_args(arguments).files)


def run_lint(paths: Sequence[str]) -> int:
    """Print the findings on each file with their lines, then their counts."""
    counts: Counter[str] = Counter()
    for path in paths:
        for level, text in _findings(path):
            counts[level] += 1
            print(text)
    said = [
        f"{counts[level]} {level}{'s' if counts[level] != 1 else ''}" for level in reversed(LEVELS) if counts[level]
    ]
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    print(f"{files}: {', '.join(said) or 'nothing to say'}")
    return 1 if counts["error"] else 0


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _findings(path: str) -> list[tuple[str, str]]:
    """Level and printed line of all that is found in one file."""
    try:
        document = read_document(path)
        findings = lint(document.config)
    except UserError as error:
        return [("error", f"error: {line}") for line in str(error).splitlines()]
    notes = [("info", f"{path}:{note.line}: info {note.field}: {note.text}") for note in document.notes]
    return [(finding.level, f"{document.place(finding.field)}: {finding}") for finding in findings] + notes


if __name__ == "__main__":
    sys.exit(main())

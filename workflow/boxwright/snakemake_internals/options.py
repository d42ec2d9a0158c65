"""The options of Snakemake's command line, to name a misspelt one in a sentence: its own answer is a page of usage."""

from collections.abc import Iterable

from snakemake.cli import get_argument_parser

from boxwright.core.errors import UserError
from boxwright.core.wording import nearest


def check(given: Iterable[str]) -> None:
    """Raise UserError for the first long option ("--name" or "--name=value") that Snakemake has not.

    The beginning of an option stands for it.
    """
    known = get_argument_parser()._option_string_actions
    for name in (one.partition("=")[0] for one in given):
        if not any(option.startswith(name) for option in known):
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else "`snakemake --help` lists all."
            raise UserError(f"There is no option {name}; {hint}")

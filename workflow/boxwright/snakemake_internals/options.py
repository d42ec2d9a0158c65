"""The options of Snakemake's command line, to name a misspelt one in a sentence: its own answer is a page of usage."""

from collections.abc import Sequence

from snakemake.cli import get_argument_parser

from boxwright.core.wording import nearest


def unknown(given: Sequence[str]) -> str:
    """A sentence about the first long option ("--name" or "--name=value") that Snakemake has not; "" if there is none.

    The beginning of an option stands for it. What contains a space is a value, as for Snakemake, and behind a bare "--"
    are targets.
    """
    options = given[: list(given).index("--")] if "--" in given else given
    names = [one.partition("=")[0] for one in options if one.startswith("--")]
    known = get_argument_parser()._option_string_actions
    for name in names:
        if " " not in name and not any(option.startswith(name) for option in known):
            near = nearest(name, known)
            return f"There is no option {name}; {f'did you mean {near}?' if near else '`snakemake --help` lists all.'}"
    return ""

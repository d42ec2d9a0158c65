"""The `boxwright` command: helpers around a run of the workflow. Each of its commands is a module of that name.

boxwright run ...          train, measure, export and report, as `make run` does
boxwright report           write the report of a finished run
boxwright lint FILE ...    find problems in pipeline.config files
boxwright models [WORD]    list the detectors of the model zoo
boxwright fetch NAME ...   download detectors of the model zoo
boxwright doctor           show what this machine has, and what would fail on it
boxwright evaluate ...     measure an exported detector on annotated images
boxwright detect ...       run an exported detector on images, a video or a camera
boxwright benchmark ...    show size and speed of an exported detector's forms on this machine
boxwright convert ...      write annotations in another format
boxwright init FOLDER      write a configuration for a folder of annotated images

A command's module has `HELP` (its line in the list of commands), `DESCRIPTION`, `add_arguments(parser)` and
`run(given)`: it does the work for the arguments that were given and returns the exit status.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from boxwright.core import interrupts

with interrupts.told():
    from boxwright.cli import benchmark, convert, detect, doctor, evaluate, fetch, init, lint, models, report, run
    from boxwright.core.wording import command as typed
    from boxwright.core.wording import did_you_mean

# What other programs call these commands.
_MEANT = {
    "train": "run",
    "predict": "detect",
    "infer": "detect",
    "test": "evaluate",
    "download": "fetch",
    "zoo": "models",
}
# In the order in which they are listed.
COMMANDS = (lint, models, fetch, doctor, evaluate, detect, benchmark, convert, init, run, report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 without errors, 1 with errors, 2 on wrong usage."""
    parser = _Parser(prog="boxwright", description="Helpers around a run of the workflow.")
    listed = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands: dict[str, _Parser] = {}
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        # `--config` of Snakemake is no short form of `--configfile`.
        commands[name] = listed.add_parser(
            name, help=module.HELP, description=module.DESCRIPTION, allow_abbrev=module is not run
        )
        module.add_arguments(commands[name])
        commands[name].set_defaults(module=module)
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:
        parser.error(_no_command(arguments[0], list(commands)))
    if arguments and arguments[0] in commands and arguments[0] != "run":  # which has Snakemake's options too
        commands[arguments[0]].refuse_unknown(arguments[1:])
    given, others = parser.parse_known_args(arguments)
    if getattr(given, "configfile", "") is None and (config := _configuration(others)):
        parser.error(f"{config} is a configuration: give it with --configfile {shlex.quote(config)}")
    if others and given.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    given.others = others
    try:
        return given.module.run(given)
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe; without this, Python would report that again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class _Parser(argparse.ArgumentParser):
    """A parser that knows its options, to say which one a misspelt one may be."""

    def __init__(self, *arguments, **named) -> None:
        self.options: list[str] = []
        super().__init__(*arguments, **named)

    def add_argument(self, *names, **named) -> argparse.Action:
        """As of every parser."""
        self.options += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **named)

    def refuse_unknown(self, arguments: Sequence[str]) -> None:
        """End with a sentence about the first long option that is none, nor the beginning of one."""
        arguments = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
        for name in (one.partition("=")[0] for one in arguments if one.startswith("--")):
            if " " not in name and not any(option.startswith(name) for option in self.options):
                self.error(f"there is no option {name}; {did_you_mean(name, self.options, quote='')}")


def _no_command(word: str, commands: Sequence[str]) -> str:
    """That there is no such command, with the one that may be meant."""
    if word.endswith((".yaml", ".yml")) and Path(word).is_file():
        return f"{word} is a configuration: run it with `{typed('run', '--configfile', word)}`"
    meant = _MEANT.get(word.lower())
    hint = f"did you mean `{meant}`?" if meant else did_you_mean(word, commands)
    return f"there is no command {word}; {hint}"


def _configuration(others: Sequence[str]) -> str:
    """The YAML file among arguments that no command knows, unless it may be the value of one of Snakemake's options."""
    for before, one in zip(["", *others], others, strict=False):
        if not before.startswith("-") and one.endswith((".yaml", ".yml")) and Path(one).is_file():
            return one
    return ""

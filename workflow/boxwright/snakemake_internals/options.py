"""The options of Snakemake's command line, to name a mistake in a sentence: its own answer is a page of usage."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import yaml
from snakemake.cli import get_argument_parser

from boxwright.core.wording import nearest


def refused(given: Sequence[str]) -> str:
    """A sentence about the first option that Snakemake would refuse; "" if there is none.

    That is a long option ("--name" or "--name=value") that it has not, a value without the = that its option asks for,
    or an executor whose plugin is not installed, also one that a profile names. The beginning of an option stands for
    it. What contains a space is a value, as for Snakemake, and behind a bare "--" are targets.
    """
    options = given[: list(given).index("--")] if "--" in given else given
    known = get_argument_parser()._option_string_actions
    found = chain(
        _unknown(options, known), _unpaired(options, known), _not_installed(options, known["--executor"].choices)
    )
    return next(found, "")


def _unknown(options: Sequence[str], known: Mapping) -> Iterator[str]:
    for name in [one.partition("=")[0] for one in options if one.startswith("--")]:
        if " " not in name and not any(option.startswith(name) for option in known):
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else "`.venv/bin/snakemake --help` lists all."
            yield f"There is no option {name}; {hint}"


def _unpaired(options: Sequence[str], known: Mapping) -> Iterator[str]:
    """Values without "=" of options whose values have one, such as `--config KEY=VALUE`."""
    pair = option = ""
    for one in options:
        value = one
        if one.startswith("-"):
            option, _, value = one.partition("=")
            name = option if option in known else next((name for name in known if name.startswith(option)), "")
            pair = str(known[name].metavar) if name else ""
        if "=" in pair and value and "=" not in value:
            file = option == "--config" and Path(value).suffix in (".yaml", ".yml", ".json")
            hint = f"; a file is named with `--configfile {value}`" if file else ""
            yield f"{option} takes {pair}, and {value} is none{hint}."


def _not_installed(options: Sequence[str], installed: Collection[str]) -> Iterator[str]:
    named = [(name, f"--executor {name}") for name in _values(options, "--executor", "-e")]
    for profile in _values(options, "--profile"):
        try:
            keys = yaml.safe_load(Path(profile, "config.yaml").read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue  # Snakemake also looks elsewhere, and says what is wrong with the file
        if isinstance(keys, dict) and isinstance(name := keys.get("executor"), str):
            named.append((name, f"The profile {profile}"))
    for name, where in named:
        if name not in installed:
            how = "`make env CLUSTER=yes` installs it" if name == "slurm" else "profiles/README.md says how"
            yield f"{where} needs Snakemake's plugin for {name}, which is not installed: {how}."


def _values(options: Sequence[str], *names: str) -> Iterator[str]:
    """The values of an option, which has these names, given as "--name value" or "--name=value"."""
    for one, following in zip(options, [*options[1:], ""], strict=True):
        name, equals, value = one.partition("=")
        if name in names:
            yield value if equals else following

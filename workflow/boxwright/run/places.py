"""What Snakemake needs before it reads any rule: places that it can write to, and a configuration that it can read.

Containers and clusters often have no home folder, or one that cannot be written to; and some files that YAML allows
hold themselves. Snakemake then ends with a traceback. `profiles/default`, which it reads first, runs this file and
calls `prepare`, so it imports nothing of ours that stays: the rules bring their own.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs  # as Snakemake uses it

VARIABLE = "XDG_CACHE_HOME"
# Where the cache goes instead, in the working folder.
INSTEAD = Path(".snakemake/cache")


def prepare(arguments: Sequence[str] = ()) -> None:
    """Give Snakemake a cache where it would have none, and say so in a sentence.

    arguments: those of Snakemake's command line. Exits with a sentence if the working folder cannot be written to, or
    if a configuration that is named there cannot be read.
    """
    check_configurations(arguments)
    elsewhere = any(one.startswith(("--dir", "-d")) for one in arguments)
    if (why := working_folder()) and not elsewhere:
        sys.exit(f"\n{why}\n")
    if why := cache():
        os.environ[VARIABLE] = str(INSTEAD.absolute())
        print(
            f"Snakemake cannot keep its cache in the home folder ({why}), so this run keeps it in {INSTEAD.absolute()}."
            f" Set {VARIABLE} to choose a place.",
            file=sys.stderr,
        )


def check_configurations(arguments: Sequence[str]) -> None:
    """Exit with a sentence for files of `--configfile` that are not there, or with which Snakemake's reader fails."""
    before = set(sys.modules)
    from boxwright.core.errors import UserError
    from boxwright.run import config_file

    try:
        config_file.check(_configurations(arguments))
    except UserError as error:
        # Options may change the values, and the folder from which relative paths start.
        if not any(one.startswith(("--dir", "-d", "--config=", "-C")) or one == "--config" for one in arguments):
            from boxwright.run import refusal

            sys.exit(f"\n{refusal.told(error)}\n")
        sys.exit(f"\n{error}\n")
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "boxwright":
                del sys.modules[name]


def _configurations(arguments: Sequence[str]) -> list[str]:
    """The values of Snakemake's options `--configfile` and `--configfiles`, where they are paths from this folder."""
    found: list[str] = []
    taking = False
    for one in arguments:
        name, equals, value = one.partition("=")
        if one.startswith("-"):
            taking = name in ("--configfile", "--configfiles")
            found += [value] if taking and equals else []
        elif taking:
            found.append(one)
    return found


def results(path: str) -> str:
    """Why nothing can be written to the results folder, a sentence; "" if something can."""
    from boxwright.core import disk  # not at the top: Snakemake reads this file before our modules

    if not (folder := disk.unwritable(path)):
        return ""
    return (
        f"`results` is {path}, but nothing can be written to {folder} here. Choose another folder, or change its "
        "permissions."
    )


def home() -> str:
    """Why Snakemake cannot even read its options, a sentence; "" if it can. No code of ours runs before it does."""
    try:
        platformdirs.user_config_dir("snakemake", "snakemake")
    except RuntimeError:
        return "HOME is not set and the user has no home folder, without which Snakemake does not start; set HOME"
    return ""


def cache() -> str:
    """Why Snakemake cannot keep its cache, a clause; "" if it can."""
    try:
        place = Path(platformdirs.user_cache_dir("snakemake", "snakemake"))
    except RuntimeError:
        return "no home folder is known"
    try:
        _write_to(place)
    except OSError as error:
        name = next((name for name in (VARIABLE, "HOME") if os.environ.get(name)), "the home folder")
        return f"{name} is {os.environ.get(name, place.parents[1])}: {error.strerror}"
    return ""


def working_folder() -> str:
    """Why Snakemake cannot keep its notes in the working folder, a sentence with what to do; "" if it can."""
    try:
        _write_to(Path(".snakemake"))
    except OSError as error:
        return (
            f"The working folder {Path.cwd()} cannot be written to ({error.strerror}), and Snakemake keeps its notes "
            "there. Start in another folder, or name one with `--directory`; relative paths in the configuration start "
            "there."
        )
    return ""


def _write_to(folder: Path) -> None:
    """Make a folder if it is missing; raise OSError if it cannot be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "no permission to write", str(folder))

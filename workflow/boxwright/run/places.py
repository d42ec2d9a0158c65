"""The places that Snakemake writes to before it reads any rule: its cache in the home folder, and the working folder.

Containers and clusters often have no home folder, or one that cannot be written to; Snakemake then ends with a
traceback. `profiles/default`, which it reads first, runs this file and calls `prepare`, so it imports nothing of ours.
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

    arguments: those of Snakemake's command line. Exits with a sentence if the working folder cannot be written to.
    """
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

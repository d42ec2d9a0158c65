"""Recognises what runs made among the files of a data set, so that nothing is learned from it.

A results folder is known by its receipts (`console.checksums`), whatever it is called. A folder of images that itself
lies in a results folder has files of both kinds: there, what has a receipt of its own is a result.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.console.checksums import FOLDER

# The folders with receipts; the second is that of release 0.1.
MARKS = (FOLDER, ".receipts")


class Inside(NamedTuple):
    """A folder in a results folder: the receipts of those results, and the folder's path below them ("" or "a/b/")."""

    receipts: Path
    below: str

    @property
    def is_result(self) -> bool:
        """Whether the folder itself is a result or lies in one."""
        parts = self.below.rstrip("/").split("/")
        return any((self.receipts / f"{'/'.join(parts[:count])}.json").is_file() for count in range(1, len(parts) + 1))

    def results_in(self, place: str) -> set[str]:
        """The names of the results in a place below the folder ("" or "a/b/")."""
        try:
            names = [path.name for path in (self.receipts / f"{self.below}{place}").iterdir()]
        except OSError:
            return set()
        return {name.removesuffix(".json") for name in names if name.endswith(".json")}


def around(folder: str) -> Inside | None:
    """How a folder lies in the nearest results folder that it is or is in; None if there is none."""
    whole = Path(folder).resolve()
    for results in (whole, *whole.parents):
        for mark in MARKS:
            if (results / mark).is_dir():
                below = whole.relative_to(results).as_posix()
                return Inside(results / mark, "" if below == "." else f"{below}/")
    return None


def count(folder: str, endings: Sequence[str]) -> int:
    """The number of files below a folder whose name has one of the endings (lower case); links are not followed."""
    found = (name for _, _, names in os.walk(folder) for name in names)
    return sum(name.lower().endswith(tuple(endings)) and not name.startswith(".") for name in found)

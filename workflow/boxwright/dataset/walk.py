"""Finds the files below some folders, each with a stamp that changes whenever its content may have changed."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.dataset import own_results

# Windows lists folders by their path only.
_OPENS_FOLDERS = os.scandir in os.supports_fd


class Walked(NamedTuple):
    """What was found below some folders.

    found: for each folder, a sorted list with a text for each file: its path below the folder ("/" between parts), a
    NUL, and its stamp (size, time of modification and of change, inode). passed: by the path of a results folder or a
    result, the number of files in it that were passed over.
    """

    found: list[list[str]]
    passed: dict[str, int]


def walk(
    folders: Sequence[str], endings: Sequence[str], results: str | None = None, counted: Sequence[str] = ()
) -> Walked:
    """The files below each folder whose name has one of the endings (lower case); a file stands for itself.

    Links are followed, hidden names are skipped; a folder that is reached twice is listed only the first time. What
    runs made is passed over (`own_results`); `results` is the folder for the results of this run, which need not have
    any yet; `counted` are the endings of the files that are counted in it, if they are others. Raises OSError with the
    path of what cannot be read.
    """
    walker = _Walker(tuple(endings), _identity(results), tuple(counted or endings))
    return Walked([walker.walk(folder) for folder in folders], walker.passed)


class _Walker:
    def __init__(self, endings: tuple[str, ...], results: tuple[int, int] | None, counted: tuple[str, ...]) -> None:
        self._endings, self._results, self._counted = endings, results, counted
        self._seen: set[tuple[int, int]] = set()
        self.passed: dict[str, int] = {}

    def walk(self, folder: str) -> list[str]:
        if os.path.isfile(folder):  # noqa: PTH113 (beside the other calls of os)
            return [_told(os.path.basename(folder), os.stat(folder))]  # noqa: PTH116, PTH119
        inside = own_results.around(folder)
        if inside and inside.is_result:
            self._pass(folder)
            return []
        found: list[str] = []
        waiting = [(folder, "")]
        while waiting:
            place, prefix = waiting.pop()
            here: list[str] = []
            below: list[tuple[str, str]] = []
            marked = False
            # Looking files up in an open folder saves resolving its path again for each file.
            opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if _OPENS_FOLDERS else place
            try:
                status = os.stat(opened)  # noqa: PTH116 (of an open folder)
                identity = (status.st_dev, status.st_ino)
                if identity in self._seen:
                    continue
                self._seen.add(identity)
                with os.scandir(opened) as entries:
                    for entry in entries:
                        name = entry.name
                        if name.startswith("."):
                            marked |= name in own_results.MARKS and entry.is_dir()
                            continue
                        if self._is_wanted(name) and entry.is_file():
                            here.append(_told(f"{prefix}{name}", entry.stat()))
                        elif entry.is_dir():
                            below.append((f"{place}/{name}", f"{prefix}{name}/"))
            except OSError as error:
                error.filename = f"{place}/{error.filename}"
                raise
            finally:
                if opened is not place:
                    os.close(opened)
            if prefix and (marked or identity == self._results):
                self._pass(place)
                continue
            if inside and (made := inside.results_in(prefix)):
                here, below = self._without(made, place, here, below)
            found += here
            waiting += sorted(below, reverse=True)
        found.sort()
        return found

    def _is_wanted(self, name: str) -> bool:
        name = name.lower()
        return name.endswith(self._endings) or ("-of-" in name and formats.ending(name) in self._endings)

    def _without(
        self, made: set[str], place: str, files: list[str], folders: list[tuple[str, str]]
    ) -> tuple[list[str], list[tuple[str, str]]]:
        """The files and folders of a place that are not among the names of results in it."""
        names = [text.partition("\0")[0].rpartition("/")[2] for text in files]
        self.passed |= {f"{place}/{name}": 1 for name in names if name in made}
        for folder, _ in folders:
            if folder.rpartition("/")[2] in made:
                self._pass(folder)
        return (
            [text for text, name in zip(files, names, strict=True) if name not in made],
            [one for one in folders if one[0].rpartition("/")[2] not in made],
        )

    def _pass(self, place: str) -> None:
        if number := own_results.count(place, self._counted):
            self.passed[place] = number


def _told(path: str, of: os.stat_result) -> str:
    """The text for a file in what was found."""
    return f"{path}\0{of.st_size} {of.st_mtime_ns} {of.st_ctime_ns} {of.st_ino}"


def _identity(folder: str | None) -> tuple[int, int] | None:
    try:
        status = os.stat(folder) if folder else None  # noqa: PTH116 (beside the other calls of os)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status else None

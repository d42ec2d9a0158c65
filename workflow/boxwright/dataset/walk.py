"""Finds the files below some folders, each with a stamp that changes whenever its content may have changed."""

import os
from collections.abc import Sequence


def walk(folders: Sequence[str], endings: Sequence[str]) -> list[list[str]]:
    """For each folder, a sorted list with a text for each file below it whose name has one of the endings (lower case).

    The text has the file's path below the folder ("/" between parts), a NUL, and its stamp (size, time of modification
    and of change, inode). Links are followed, hidden names are skipped; a folder that is reached twice is listed only
    the first time. Raises OSError with the path of what cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    return [_walk(folder, tuple(endings), seen) for folder in folders]


def _walk(folder: str, endings: tuple[str, ...], seen: set[tuple[int, int]]) -> list[str]:
    found: list[str] = []
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        below = []
        # Looking files up in an open folder saves resolving its path again for each file.
        opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.fstat(opened)
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                continue
            seen.add(identity)
            with os.scandir(opened) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        continue
                    if name.lower().endswith(endings) and entry.is_file():
                        of = entry.stat()
                        found.append(f"{prefix}{name}\0{of.st_size} {of.st_mtime_ns} {of.st_ctime_ns} {of.st_ino}")
                    elif entry.is_dir():
                        below.append((f"{place}/{name}", f"{prefix}{name}/"))
        except OSError as error:
            error.filename = f"{place}/{error.filename}"
            raise
        finally:
            os.close(opened)
        waiting += sorted(below, reverse=True)
    found.sort()
    return found

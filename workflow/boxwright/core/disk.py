"""Whether files can be written: detection of full disks, the error message for them, and of folders without access.

Commands ask before they work, so that no work is lost.
"""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from boxwright.core.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(UserError):
    """A file did not fit on its disk. `needed` is its size in bytes, or a lower bound of it."""

    needed = 0


def is_full(error: BaseException) -> bool:
    """Whether an error means that a disk is full. TensorFlow's errors have no code, so their text is searched."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return isinstance(error, DiskFullError) or os.strerror(errno.ENOSPC) in str(error)


def full(path: str | os.PathLike, *, needed: int = 0, at_least: int = 0) -> DiskFullError:
    """The error for a file or folder that did not fit. It needs `needed` bytes or, if unknown, more than `at_least`."""
    size = f"{needed:,} bytes" if needed else f"more than {at_least:,} bytes" if at_least else "more"
    place = nearest(Path(path).absolute().parent)
    error = DiskFullError(
        f"The disk is full: {path} needs {size}, and {shutil.disk_usage(place).free:,} bytes are free in {place}. "
        "The incomplete output was removed; finished results are intact. Free some space and run the command again."
    )
    error.needed = needed or at_least
    return error


def nearest(path: str | os.PathLike) -> Path:
    """A path from the root on, or the nearest folder above it that exists."""
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    return place


def is_taken(path: str | os.PathLike) -> bool:
    """Whether something lies at a path that a new folder there would replace: a file, or a folder that is not empty."""
    path = Path(path)
    return os.path.lexists(path) and (not path.is_dir() or any(path.iterdir()))


def unwritable(folder: str | os.PathLike) -> Path | None:
    """The folder that keeps files from being written to `folder`, it or the nearest above it; None if none does.

    Some file systems, such as /proc, allow it and refuse it all the same. So where `folder` is missing, a folder of
    another name is made beside its place and removed.
    """
    there = nearest(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        return there
    if there != Path(folder).absolute():
        try:
            Path(tempfile.mkdtemp(prefix=".boxwright-", dir=there)).rmdir()
        except OSError as error:
            return None if is_full(error) else there
    return None


def require_new_folder(path: str | os.PathLike) -> None:
    """Raise UserError if a folder cannot be made at a path, or if something is there that it would replace."""
    path = Path(path)
    if is_taken(path):
        raise UserError(f"{path} exists and is no empty folder. Name a new one, so that nothing is lost.")
    _require_place(path, "folder")


def require_new_file(path: str | os.PathLike) -> None:
    """Raise UserError if a file cannot be written at a path where none is."""
    path = Path(path)
    if os.path.lexists(path) and path.is_dir():
        raise UserError(f"{path} is a folder. Name the file to write, such as {path / 'my.yaml'}.")
    _require_place(path, "file")


def _require_place(path: Path, noun: str) -> None:
    """Raise UserError if nothing can be made at a path; a folder of its name is made and removed to see it.

    What is there already will be replaced, so the folder around it must be writable too.
    """
    made: list[Path] = []
    whole = path.absolute()
    try:
        for place in (*reversed(whole.parents), whole):
            if not os.path.lexists(place):
                place.mkdir()
                made.append(place)
    except OSError as error:
        there = nearest(place.parent)
        if not there.is_dir():
            raise UserError(f"{path} cannot be a {noun}: {there} is a file.") from error
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{path} cannot be a {noun}: its name is too long.") from error
        raise _closed(path, there) from error
    else:
        if there := unwritable(whole.parent) or (unwritable(whole) if whole.is_dir() else None):
            raise _closed(path, there)
    finally:
        for place in reversed(made):
            with suppress(OSError):  # another process has put something there
                place.rmdir()


def _closed(path: Path, there: Path) -> UserError:
    """That nothing can be written at a path because of the folder `there`."""
    return UserError(f"{path} cannot be written: {there} allows no new file. Name another place.")

"""Whether files can be written: detection of full disks, the error message for them, and of folders without access."""

import errno
import os
import shutil
import tempfile
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
    return path.exists() and (not path.is_dir() or any(path.iterdir()))


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

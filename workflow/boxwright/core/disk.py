"""What to say when a disk is full."""

import errno
import os
import shutil
from pathlib import Path

from boxwright.core.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(UserError):
    """A file did not fit on its disk; `needed` is what it needs, in bytes, or at least needs."""

    needed = 0


def is_full(error: BaseException) -> bool:
    """Whether an error of the operating system, or of TensorFlow, which has only its text, says so."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return isinstance(error, DiskFullError) or os.strerror(errno.ENOSPC) in str(error)


def full(path: str | os.PathLike, *, needed: int = 0, at_least: int = 0) -> DiskFullError:
    """The error for a file or folder that did not fit: it needs `needed` bytes, or more than `at_least` if unknown."""
    size = f"{needed:,} bytes" if needed else f"more than {at_least:,} bytes" if at_least else "more"
    place = Path(path).absolute().parent
    while not place.is_dir():
        place = place.parent
    error = DiskFullError(
        f"The disk is full: {path} needs {size}, and {shutil.disk_usage(place).free:,} bytes are free in {place}. "
        "Nothing of it was kept; all that was finished is whole. Make room and run the same command again."
    )
    error.needed = needed or at_least
    return error

"""Locks of open files, which the operating system releases when the process ends, whatever ends it.

On Linux and macOS the whole file is locked (flock). On Windows it is one byte far behind the file's end, since there
nobody else could read a locked part.
"""

import os
import time
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:  # everything else
    msvcrt = None

_FAR = 2**40
_PAUSE_S = 0.2


def lock(file: IO | int, *, shared: bool = False, wait: bool = False) -> bool | None:
    """Lock an open file (or its descriptor); returns whether it is locked now, None where files cannot be locked.

    shared: others may hold such a lock at the same time (on Windows nobody may). wait: until it is free.
    """
    while True:
        try:
            return _try(file if isinstance(file, int) else file.fileno(), shared)
        except (BlockingIOError, PermissionError):  # somebody else holds it
            if not wait:
                return False
        except OSError:
            return None
        time.sleep(_PAUSE_S)


def _try(descriptor: int, shared: bool) -> bool | None:
    if fcntl is not None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        return True
    if msvcrt is None:
        return None
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, _FAR, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    finally:
        os.lseek(descriptor, place, os.SEEK_SET)
    return True

"""A lock that dies with its holder, so that a run which was killed does not keep the next one out.

Snakemake's own lock is a note in `.snakemake/locks`, which nobody removes after `kill -9` or a power cut: the same
command then asks for `--unlock`. The operating system ends a lock on a file with the process that holds it.
"""

import contextlib
import fcntl
from pathlib import Path
from typing import IO

_held: list[IO] = []


def is_taken(folder: Path = Path(".snakemake")) -> bool:
    """Whether another process holds the lock."""
    try:
        with (folder / "boxwright.run.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return not _held
    except OSError:
        return False
    return False


def take(folder: Path = Path(".snakemake")) -> bool:
    """Hold the lock of Snakemake's `folder` as long as this process lives, and clear away what a dead run left.

    False where another run holds it, or where the file system knows no locks: Snakemake then decides alone.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "boxwright.run.lock").open("w")
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _held.append(file)
    for note in (folder / "locks").glob("*.lock"):
        with contextlib.suppress(OSError):
            note.unlink()
    return True

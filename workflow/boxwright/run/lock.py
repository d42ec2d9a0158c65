"""A lock that ends with its holder, so that a killed run does not block the next one.

Snakemake's own lock is a file in `.snakemake/locks`, which nobody removes after `kill -9` or a power cut: the same
command then asks for `--unlock`. The operating system releases a file lock when the process that holds it ends.
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
    """Hold the lock of Snakemake's `folder` as long as this process lives, and remove the locks that a dead run left.

    Returns False if another run holds it, or if the file system has no locks: Snakemake's own lock then decides.
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

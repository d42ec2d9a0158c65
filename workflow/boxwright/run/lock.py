"""The lock of a results folder: one run at a time writes to it, whatever folder or machine it was started from.

The operating system locks the file `.lock` in the results for the process that holds it, and lets go when that process
ends, whatever ends it. So a killed run does not block the next one. The file says who holds it, and is emptied when a
run ends by itself. That is for the message, and for file systems whose locks do not reach other machines, or that have
none: a run on another machine that never said that it ended may still be at work, until `--unlock` says otherwise.

Snakemake's own lock is a list of files in `.snakemake/locks` of the working folder, which nobody removes after
`kill -9` or a power cut. A list with files of these results is removed by whoever holds this lock: its run has ended.
"""

import atexit
import contextlib
import json
import os
import socket
import time
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from boxwright.core import file_lock
from boxwright.core.errors import UserError
from boxwright.core.files import parse_json

NAME = ".lock"

# Somebody who only asks whether the lock is taken holds it for a moment.
_TRIES, _PAUSE_S = 10, 0.1
_WINDOWS = os.name == "nt"
_held: dict[Path, IO[str]] = {}


class Holder(NamedTuple):
    """A run that holds a lock. boot: of the machine's running system, which containers share; "" if unknown."""

    host: str
    boot: str
    process: int
    started: str
    folder: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, started {self.started} in {self.folder}"


def take(results: str | os.PathLike, snakemake: Path = Path(".snakemake")) -> None:
    """Hold the lock of a results folder as long as this process lives, and remove Snakemake's lists of dead runs.

    Does nothing where the folder cannot be written to. Raises UserError if another run holds the lock or may hold it.
    """
    path = Path(results).absolute() / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError:
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(file)
        locked = _lock(file, _TRIES)
        holder = _read(file)
        if locked is False:
            raise UserError(_told(results, holder))
        if holder and not _has_ended(holder, bool(locked)):
            raise UserError(_doubt(results, holder))
        _write(file, json.dumps(_here()._asdict()))
        stack.pop_all()
    _held[path] = file
    atexit.register(release, results)
    _remove_lists(snakemake / "locks", path.parent)


def release(results: str | os.PathLike) -> None:
    """Let go of a lock that this process holds."""
    if file := _held.pop(Path(results).absolute() / NAME, None):
        with contextlib.suppress(OSError), file:
            _write(file, "")


def at_work(results: str | os.PathLike) -> str:
    """That another run holds the lock of a results folder, or may hold it, in words; "" if none does."""
    path = Path(results).absolute() / NAME
    if path in _held:
        return ""
    try:
        with path.open(encoding="utf-8") as file:
            locked = file_lock.lock(file, shared=True)
            holder = _read(file)
    except OSError:
        return ""
    who = f": {holder}" if holder else ""
    if locked is False:
        return f"A run is going on in {results}{who}. What follows counts only what it has finished so far."
    if holder is None or _has_ended(holder, bool(locked)):
        return ""
    return f"A run may be going on in {results}{who}. What follows counts only what is finished so far."


def forget(results: str | os.PathLike) -> None:
    """Take a run that did not say that it ended for ended. Raises UserError if it is at work for certain."""
    path = Path(results).absolute() / NAME
    try:
        with path.open("r+", encoding="utf-8") as file:
            if _lock(file, _TRIES) is False:
                raise UserError(_told(results, _read(file)))
            _write(file, "")
    except OSError:
        return


def _lock(file: IO[str], tries: int) -> bool | None:
    """Whether the operating system locked a file; None if it cannot lock files there."""
    for _ in range(tries - 1):
        if (locked := file_lock.lock(file)) is not False:
            return locked
        time.sleep(_PAUSE_S)
    return file_lock.lock(file)


def _read(file: IO[str]) -> Holder | None:
    """The run that a lock's file names; None if it names none."""
    file.seek(0)
    try:
        holder = Holder(**parse_json(file.read()))
    except (OSError, ValueError, TypeError):
        return None
    return holder if isinstance(holder.process, int) else None


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _here() -> Holder:
    started = datetime.now().astimezone().isoformat(" ", "seconds")
    return Holder(socket.gethostname(), _boot(), os.getpid(), started, str(Path.cwd()))


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _has_ended(holder: Holder, locked: bool) -> bool:
    """Whether a run has certainly ended that did not say so. locked: whether we hold the file's lock instead of it."""
    here = _here()
    same_system = bool(here.boot) and holder.boot == here.boot
    if locked and (same_system or holder.host == here.host):
        return True
    if holder.host != here.host:
        return False
    return holder.boot != here.boot or not _lives(holder.process)


def _lives(process: int) -> bool:
    """Whether a process of this machine may still run."""
    if _WINDOWS:  # there `os.kill` ends processes, whatever the signal
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is somebody else's
        return True
    return True


def _told(results: str | os.PathLike, holder: Holder | None) -> str:
    who = f": {holder}" if holder else ""
    return (
        f"Another run works on the results in {results}{who}. Two runs would overwrite each other's files. Wait until "
        "it has ended, or stop it, or give this run another `results` folder."
    )


def _doubt(results: str | os.PathLike, holder: Holder) -> str:
    return (
        f"Another run may still work on the results in {results}: {holder}. It did not say that it ended, and from "
        f"this machine it cannot be seen. If it still runs, wait or stop it. If it was killed or {holder.host} is "
        "down, run this command once with `--unlock`, then again without."
    )


def _remove_lists(locks: Path, results: Path) -> None:
    """Remove Snakemake's lists of locked files that have files of some results."""
    for listed in locks.glob("*.lock"):
        with contextlib.suppress(OSError, ValueError):
            lines = listed.read_text(encoding="utf-8").splitlines()
            if any(Path(line).absolute().is_relative_to(results) for line in lines):
                listed.unlink()

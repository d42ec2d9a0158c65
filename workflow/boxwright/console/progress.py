"""Progress of long work, and the messages of a job.

A job of a run writes into its log. The terminal of the run (`snakemake_internals.terminal`) shows one line per stage:
it reads the job's key figure from the log, and its progress from a small file beside the log. Other long work (the
plan, a command) draws its own progress bar, or prints a few plain lines if there is no terminal.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from tqdm import tqdm

from boxwright.core.wording import printable

T = TypeVar("T")

# Seconds between two plain lines without a terminal. Long enough to keep a log readable.
PLAIN_INTERVAL_S = 30.0
NOTE_INTERVAL_S = 1.0
DONE = "Done in "
# Set in the environment of jobs whose run shows a line for each of them.
_SHOWN = "BOXWRIGHT_SHOWS_LINES"


@dataclass
class _Job:
    """The running job, as `say`, `warn`, `conclude` and `note` need it. Empty outside a job.

    silent: whether `say` prints nothing.
    """

    note: Path | None = None
    terminal: IO[str] | None = None
    noted: float = 0.0
    figure: str = ""
    silent: bool = False


_job = _Job()


def show_lines(shown: bool) -> None:
    """Tell the jobs started from here whether this process shows a line for each, so that they need not print."""
    if shown:
        os.environ[_SHOWN] = "1"
    else:
        os.environ.pop(_SHOWN, None)


def is_shown() -> bool:
    """Whether this process is a job of a run that shows a line for it."""
    return _SHOWN in os.environ


def note_beside(log: str | Path) -> Path:
    """The file in which the job with this log notes its progress."""
    return Path(log).with_suffix(".progress")


class Ended(NamedTuple):
    """Why a job ended before its work was done; "" if it did not say. stopped: it was asked to, and has not failed."""

    why: str = ""
    stopped: bool = False


def note_end(log: str | Path, ended: Ended) -> None:
    """Note why the job with this log ended, for the terminal of its run, which shows it last."""
    if is_shown():
        with suppress(OSError):
            note_beside(log).write_text(json.dumps({"ended": ended}), encoding="utf-8")


def take_end(log: str | Path) -> Ended:
    """Why the job with this log ended, and forget it."""
    note = note_beside(log)
    try:
        why, stopped = json.loads(note.read_bytes())["ended"]
        note.unlink()
    except (OSError, ValueError, KeyError, TypeError):
        return Ended()
    return Ended(str(why), bool(stopped))


@contextmanager
def of_job(note: Path | None, terminal: IO[str] | None) -> Iterator[None]:
    """Make the block a job: `note` is the file for its progress; warnings go to `terminal` as well as to its log.

    At the end one line is printed with its time and key figure, unless an error ended the block.
    """
    global _job
    before, _job = _job, _Job(note, terminal)
    began = time.monotonic()
    try:
        yield
        figure = f": {_job.figure}" if _job.figure else ""
        say(f"{DONE}{duration(time.monotonic() - began)}{figure}")
    finally:
        _forget()
        _job = before


def say(text: str) -> None:
    """Print one message for the user on standard error, above the progress bar if there is one."""
    if not _job.silent:
        tqdm.write(printable(text), file=sys.stderr)


@contextmanager
def without_messages() -> Iterator[None]:
    """Print no messages in the block, only bars: for work that is done to see whether it can be done."""
    before, _job.silent = _job.silent, True
    try:
        yield
    finally:
        _job.silent = before


def warn(text: str) -> None:
    """Print an important message. From a job it also goes to the terminal of the run."""
    say(text)
    if _job.terminal is not None:
        text = printable(text)
        # Overwrites the bars that the run draws there; the run redraws them below.
        print(f"\r\x1b[J{text}" if _job.terminal.isatty() else text, file=_job.terminal, flush=True)


def conclude(figure: str) -> None:
    """Set the job's key figure, which the terminal shows in the line for the job."""
    _job.figure = " ".join(figure.split())


def note(done: int, total: int | None, *, rate: float, unit: str = "", of: str = "") -> None:
    """Note the job's progress, for a bar on the terminal of its run. Does nothing outside a job.

    `done` of `total` are done, at `rate` in `unit` per second; `of` is a word about the current state.
    """
    now = time.monotonic()
    if _job.note is None or now - _job.noted < NOTE_INTERVAL_S:
        return
    _job.noted = now
    with suppress(OSError):  # a full disk has no room for a bar
        _job.note.write_text(json.dumps({"done": done, "total": total, "rate": rate, "unit": unit, "of": of}))


def track(
    iterable: Iterable[T],
    total: int | None = None,
    label: str = "",
    unit: str = "it",
    size: Callable[[T], int] = lambda item: 1,
) -> Iterator[T]:
    """Yield the items of `iterable` and show progress.

    total: how much is to be done; by default the length of `iterable`, if it has one. label: what is being done. unit:
    what is counted. size: how much of it an item is.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if sys.stderr.isatty():
        with tqdm(total=total, desc=label, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True) as bar:
            for item in iterable:
                yield item
                bar.update(size(item))
        return
    start = last = time.monotonic()
    done = 0
    for item in iterable:
        yield item
        done += size(item)
        now = time.monotonic()
        rate = done / max(now - start, 1e-9)
        note(done, total, rate=rate, unit=unit, of=label)
        if now - last >= PLAIN_INTERVAL_S:
            last = now
            left = "" if total is None else f" of {total}, {duration((total - done) / rate)} left"
            print(f"{label}: {done}{left} ({_pace(rate, unit)})", file=sys.stderr, flush=True)
    _forget()


def _pace(rate: float, unit: str) -> str:
    """How fast it goes: of slow work, how long each takes."""
    return f"{rate:.1f} {unit}/s" if rate >= 1 else f"{duration(1 / rate)} each"


def duration(seconds: float) -> str:
    """A readable time span: 0.4 s, 40 s, 7 min, 2 h 05 min."""
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _forget() -> None:
    _job.noted = 0.0
    if _job.note is not None:
        with suppress(OSError):
            _job.note.unlink()

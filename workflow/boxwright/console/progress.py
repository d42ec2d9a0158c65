"""Progress of long work, and what a job says while it works.

A job of a run writes into its log; the terminal of the run (`snakemake_internals.terminal`) shows one line per stage,
and takes the job's key figure from the log and how far it is from a small file beside it. Anything else that does long
work (the plan, a command) draws its bar itself, or prints a few plain lines where there is no terminal.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from tqdm import tqdm

T = TypeVar("T")

# Seconds between two plain lines where there is no terminal: a log stays readable.
PLAIN_INTERVAL_S = 30.0
NOTE_INTERVAL_S = 1.0
DONE = "Done in "
# Set for the jobs of a run that shows a line of each.
_SHOWN = "BOXWRIGHT_SHOWS_LINES"


@dataclass
class _Job:
    """What `say` and its like need to know of the job that runs: all is empty outside of one."""

    note: Path | None = None
    terminal: IO[str] | None = None
    noted: float = 0.0
    figure: str = ""


_job = _Job()


def show_lines(shown: bool) -> None:
    """Tell the jobs started from here whether this process shows a line of each, so that they need not print."""
    if shown:
        os.environ[_SHOWN] = "1"
    else:
        os.environ.pop(_SHOWN, None)


def is_shown() -> bool:
    """Whether this process is a job of a run that shows a line of it."""
    return _SHOWN in os.environ


def note_beside(log: str | Path) -> Path:
    """Where the job with this log notes how far it is."""
    return Path(log).with_suffix(".progress")


@contextmanager
def of_job(note: Path | None, terminal: IO[str] | None) -> Iterator[None]:
    """For the block of a job: `note` is where it notes how far it is, `terminal` where its warnings go beside its log.

    The block's end is said in one line, with its time and its key figure, unless an error ended it.
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
    """Print one message for the person who watches, on standard error, above a bar if one is drawn."""
    tqdm.write(text, file=sys.stderr)


def warn(text: str) -> None:
    """Say what nobody should miss: of a job, on the terminal of its run too."""
    say(text)
    if _job.terminal is not None:
        # Over the bars that the run draws there; it draws them anew below.
        print(f"\r\x1b[J{text}" if _job.terminal.isatty() else text, file=_job.terminal, flush=True)


def conclude(figure: str) -> None:
    """Give the key figure of the job, for the one line that the terminal shows of it."""
    _job.figure = " ".join(figure.split())


def note(done: int, total: int | None, *, rate: float, unit: str = "", of: str = "") -> None:
    """Note how far the job is, for a bar on the terminal of its run: `done` of `total`, `rate` in `unit` per second;
    `of` is a word about the present state. Nothing happens outside of a job.
    """
    now = time.monotonic()
    if _job.note is None or now - _job.noted < NOTE_INTERVAL_S:
        return
    _job.noted = now
    with suppress(OSError):  # a full disk has no room for a bar
        _job.note.write_text(json.dumps({"done": done, "total": total, "rate": rate, "unit": unit, "of": of}))


def track(iterable: Iterable[T], total: int | None = None, label: str = "", unit: str = "it") -> Iterator[T]:
    """Yield the items of `iterable` and show how far it is.

    `total` is the number of items (taken from the iterable's length when it has one), `label` what is being done,
    `unit` what is counted.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if sys.stderr.isatty():
        yield from tqdm(iterable, total=total, desc=label, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True)
        return
    start = last = time.monotonic()
    for done, item in enumerate(iterable, 1):
        yield item
        now = time.monotonic()
        rate = done / max(now - start, 1e-9)
        note(done, total, rate=rate, unit=unit, of=label)
        if now - last >= PLAIN_INTERVAL_S:
            last = now
            left = "" if total is None else f" of {total}, {duration((total - done) / rate)} left"
            print(f"{label}: {done}{left} ({rate:.1f} {unit}/s)", file=sys.stderr, flush=True)
    _forget()


def duration(seconds: float) -> str:
    """A time span as a person says it: 0.4 s, 40 s, 7 min, 2 h 05 min."""
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

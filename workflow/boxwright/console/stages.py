"""The stages of a run on the terminal: a progress bar while a stage runs, and one line when it has ended."""

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.utils import disp_trim

from boxwright.console import progress
from boxwright.core.files import parse_json

# The jobs of a rule with this wildcard each make a piece of the same result: together they are one stage.
PIECE = "shard"
PIECED = "write_records"  # the rule that has it

_NUMBERS = 60  # columns for the bar and its numbers; a long label is cut to leave them free
# What the names of metrics begin with, and what is left of that in a line.
_LONG = {"DetectionBoxes_Precision/": "", "DetectionBoxes_Recall/": "", "PascalBoxes_Precision/": "Pascal's "}
# From so many on, or from a tenth of all, the pace tells how long the rest takes: the first ones are slow.
_ENOUGH = 10
_BAR = "{desc}  {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}{unit}, {remaining} left{postfix}"


@dataclass
class Stage:
    """One line of the terminal: a job, or the jobs that make the pieces of one result."""

    label: str
    pieces: int = 0  # 0 for a single job
    done: int = 0
    logs: dict[int, str | None] = field(default_factory=dict)  # of the running jobs, by job number
    began: float = field(default_factory=time.monotonic)

    def line(self, log: str | None, local: bool) -> str:
        """The line for the ended stage, from the log of its (last) job.

        A job that is not `local` may have waited in a queue, so the time that it measured itself is shown.
        """
        told, _, figure = _told(log).partition(": ")
        figure = re.sub("|".join(_LONG), lambda found: _LONG[found[0]], figure)
        if self.pieces:
            figure = f"{self.pieces} {PIECE}s"
        taken = told if told and not (local or self.pieces) else progress.duration(time.monotonic() - self.began)
        return self.label + (f": {figure}" if figure else "") + (f" ({taken})" if log else "")

    def state(self) -> str:
        """How far a running job is, for a line: how much is done, what it says of itself, and how long it will take."""
        noted = _noted(next(iter(self.logs.values()), None))
        if self.pieces or not noted or not noted["total"]:
            return ""
        rate = _told_rate(noted)
        left = (noted["total"] - noted["done"]) / rate if rate else None
        told = [f"{noted['done']:,} of {noted['total']:,} {noted['unit']}", noted.get("of")]
        told += [f"{progress.duration(left)} left"] if left is not None else []
        return ", ".join(filter(None, told))

    def bar(self, width: int, ascii_only: bool) -> str:
        """The progress bar, in at most `width` columns."""
        elapsed = time.monotonic() - self.began
        if self.pieces:
            state = {"done": self.done, "total": self.pieces, "rate": self.done / elapsed or None, "unit": f"{PIECE}s"}
        else:
            state = _noted(next(iter(self.logs.values()), None))
        if not state or not state["total"]:
            count = f"  {state['done']} {state['unit']}," if state else ""
            return disp_trim(f"{self.label} ...{count} {progress.duration(elapsed)}", width)
        return tqdm.format_meter(
            state["done"],
            state["total"],
            elapsed,
            ncols=width,
            prefix=disp_trim(self.label, max(width // 2, width - _NUMBERS)),
            ascii=ascii_only,
            unit=f" {state['unit']}",
            rate=_told_rate(state),
            bar_format=_BAR,
            postfix=state.get("of") or None,
        )


def _told_rate(state: dict[str, Any]) -> float | None:
    """The pace, once it tells how long the rest takes."""
    return state["rate"] if state["done"] >= min(_ENOUGH, 0.1 * state["total"]) else None


def last_lines(log: str | None, most: int = 5) -> list[str]:
    """The last lines of a job's log; none if there is no log."""
    try:
        with Path(log or "").open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 4096, 0))
            return file.read().decode("utf-8", "replace").strip().splitlines()[-most:]
    except OSError:
        return []


def _told(log: str | None) -> str:
    """The time and the key figure of a finished job, from the last line of its log."""
    last = "".join(last_lines(log, 1))
    return last.removeprefix(progress.DONE) if last.startswith(progress.DONE) else ""


def _noted(log: str | None) -> dict[str, Any]:
    """The progress that a job noted; empty if it noted none."""
    try:
        state = parse_json(progress.note_beside(log or "").read_bytes())
    except (OSError, ValueError):  # no file, or a half-written one
        return {}
    return state if isinstance(state, dict) and {"done", "total", "rate", "unit"} <= set(state) else {}

"""What a run shows while it works: one line per finished stage, and on a terminal bars of those at work.

Snakemake tells of a job in four messages and of its error in more. This handler stands in the place of the one that
prints them: from those four it makes one line, with the job's key figure and time, and every other message, errors and
warnings first of all, it prints as Snakemake does. Snakemake's log file keeps everything, and --verbose changes nothing
of Snakemake's ways.

The jobs themselves print into their logs (`boxwright.console.job`), which a failed one shows in full.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from snakemake.logging import ColorizingTextHandler
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent

from boxwright.console import progress, stages

_REDRAWN_S = 0.5
_SELECTING = "Select jobs to execute..."
# Of a run on this machine.
_NEEDLESS_TEXTS = (
    "Assuming unrestricted shared filesystem usage.",
    "Using shell: ",
    "Rules claiming more threads will be scaled down.",
    "Conda environments: ignored",
    "DAG of jobs will be updated after completion.",
    "Updating checkpoint dependencies.",
    # Of --report, for each figure and rule.
    "Adding ",
    "Loading script code for rule ",
)


def take_over(logger: logging.Logger, settings: OutputSettings, local: Callable[[], bool]) -> None:
    """Show one line per stage on the terminal from now on.

    `logger` and `settings` are Snakemake's. Where those ask for more (--verbose) or for less (--quiet) than lines, or a
    logger plugin keeps the terminal, nothing is changed, and the jobs print there. Of jobs that are submitted elsewhere
    (not `local()`) Snakemake's announcement stays: it tells which job has which number there.
    """
    if settings.verbose or {Quietness.ALL, Quietness.RULES, Quietness.PROGRESS} & set(settings.quiet or ()):
        return
    for handler in logger.handlers:
        if type(handler) is ColorizingTextHandler:
            logger.removeHandler(handler)
            logger.addHandler(OneLine(handler, local))
            progress.show_lines(True)


class OneLine(ColorizingTextHandler):
    """Snakemake's handler for the terminal, with one line per stage. It stands for `other` and keeps its ways."""

    def __init__(self, other: ColorizingTextHandler, local: Callable[[], bool]) -> None:
        super().__init__(nocolor=other.nocolor, stream=other.stream, formatter=other.formatter)
        self.name = other.name
        for one in other.filters:
            self.addFilter(one)
        # What a job printed is in its log alone.
        other.formatter.show_failed_logs = True
        self._local = local
        self._counts: dict[str, int] = {}  # planned jobs by rule
        self._stages: dict[Any, stages.Stage] = {}  # at work, in the order of their beginning
        self._keys: dict[int, Any] = {}  # of the stage of each job at work
        self._ended: list[str] = []  # lines that wait for their number
        self._ours = False  # whether the job that ended last has a line
        self._bars = self.is_tty and os.environ.get("TERM") != "dumb"
        self._closed = threading.Event()
        if self._bars:
            threading.Thread(target=self._redraw, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._erase()
            replaced = self._replaces(record)
        except Exception:  # a message that is not as expected: better twice or ugly than not at all
            replaced = False
        if not replaced:
            super().emit(record)
        with suppress(Exception):  # a terminal that is gone, for example: bars are worth no run
            self._draw()

    def close(self) -> None:
        self._closed.set()
        with self.lock, suppress(OSError, ValueError):
            self._erase()
        super().close()

    def _replaces(self, record: logging.LogRecord) -> bool:
        """Take note of a message; whether a line of ours stands, or will stand, for it."""
        if record.levelno > logging.INFO:
            if getattr(record, "event", None) == LogEvent.JOB_ERROR:
                self._failed(record)
            return False
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                self._counts = dict(record.stats)
            case LogEvent.JOB_STARTED:
                return True
            case LogEvent.JOB_INFO if record.rule_msg:
                self._begin(record)
                return self._local()
            case LogEvent.JOB_FINISHED:
                self._ours = record.job_id in self._keys
                if self._ours:
                    self._finish(record.job_id)
                return self._ours
            case LogEvent.PROGRESS if self._ours:
                for line in self._ended:
                    self._print(record, f"[{record.done}/{record.total}] {line}")
                self._ended.clear()
                return True
            case None | LogEvent.RESOURCES_INFO:
                return record.msg == _SELECTING or (self._local() and str(record.msg).startswith(_NEEDLESS_TEXTS))
        return False

    def _begin(self, record: logging.LogRecord) -> None:
        wildcards = record.wildcards or {}
        key, label, pieces = record.jobid, record.rule_msg, 0
        count = self._counts.get(record.rule_name, 1)
        if stages.PIECE in wildcards and count > 1:
            key, pieces = record.rule_name, count
            label = " ".join(word for word in label.split() if word not in wildcards.values())
        stage = self._stages.setdefault(key, stages.Stage(label, pieces))
        log = record.log[0] if record.log else None
        if log:
            with suppress(OSError):  # none was left by a job that was killed
                progress.note_beside(log).unlink()
        stage.logs[record.jobid] = log
        self._keys[record.jobid] = key

    def _finish(self, job: int) -> None:
        key = self._keys.pop(job)
        stage = self._stages[key]
        log = stage.logs.pop(job)
        stage.done += 1
        if stage.done >= stage.pieces:
            self._ended.append(stage.line(log, self._local()))
            del self._stages[key]

    def _failed(self, record: logging.LogRecord) -> None:
        key = self._keys.pop(record.jobid, None)
        if key is None:
            return
        stage = self._stages[key]
        stage.logs.pop(record.jobid)
        if not stage.pieces:
            del self._stages[key]
        self._print(record, f"{stage.label} failed ({progress.duration(time.monotonic() - stage.began)})")

    def _print(self, record: logging.LogRecord, line: str) -> None:
        clock = "" if self._bars else time.strftime("%H:%M:%S ")
        self.stream.write(self.decorate(record, f"{clock}{line}") + "\n")
        self.flush()

    def _redraw(self) -> None:
        while not self._closed.wait(_REDRAWN_S):
            with self.lock, suppress(Exception):
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._bars:
            self.stream.write("\x1b[J")

    def _draw(self) -> None:
        """Draw a bar of every stage below the cursor, and leave it where it is: what another process prints comes in
        their place, never under them.
        """
        if not self._bars or self._closed.is_set():
            return
        size = os.get_terminal_size(self.stream.fileno())
        ascii_only = not (self.stream.encoding or "").lower().startswith("utf")
        # A size of 0 is not known.
        working = [stage for stage in self._stages.values() if stage.logs][: max((size.lines or 24) - 1, 1)]
        lines = [stage.bar(max((size.columns or 80) - 1, 20), ascii_only) for stage in working]
        if lines:
            up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
            self.stream.write("\n".join(lines) + f"{up}\r")
        self.flush()

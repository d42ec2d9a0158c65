"""What a run shows while it works: one line per finished stage, and on a terminal progress bars of the running stages.

Snakemake logs four messages about each job, and more about an error. The handler here replaces the one that prints
them. It turns those four into one line with the job's key figure and time, and prints all other messages, errors and
warnings above all, as Snakemake does. Snakemake's log file keeps everything, and with --verbose Snakemake prints as
usual.

The jobs themselves print into their logs (`boxwright.console.job`). Why a job failed is the last that the run says, in
the words that the job noted; what Snakemake itself says of it is left out.
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
from boxwright.core.wording import few

_REDRAWN_S = 0.5
# Seconds between two lines about the same work where there is no terminal.
_TOLD_S = 60.0
_SELECTING = "Select jobs to execute..."
# Lines of a run on this machine that are not shown.
_NEEDLESS_TEXTS = (
    "Assuming unrestricted shared filesystem usage.",
    "Using shell: ",
    "Rules claiming more threads will be scaled down.",
    "Conda environments: ignored",
    "DAG of jobs will be updated after completion.",
    "Updating checkpoint dependencies.",
    "Complete log(s): ",
    "Elapsed time: ",
    # From --report, for each figure and rule.
    "Adding ",
    "Loading script code for rule ",
)


# What Snakemake says of a failed job, beside what the job says itself.
_NEEDLESS_OF_FAILURES = (
    "RuleException:\nCalledProcessError in file ",
    "Removing output files of failed job",
    "Exiting because a job execution failed",
    "Shutting down, this might take some time",
)
# The last that it says.
_FAILED = "At least one job did not complete successfully."
# What it says when it was interrupted, before the jobs that it ends fail.
_INTERRUPTED = "Terminating processes on user request"
_SILENT = (
    "It ended without saying why. If the system ended it because memory ran out, let fewer jobs run at once (`--cores "
    "1`), or use a smaller `batch_size`."
)
# Lines of a dry run that are not shown: hashes, and advice that would leave results of other settings as they are.
_NEEDLESS_OF_DRY_RUNS = (
    *_NEEDLESS_TEXTS,
    "Reasons:",
    "Some jobs were triggered by provenance information",
    "Rules with provenance triggered jobs",
    "The run involves checkpoint jobs",
)
# In one that begins with a number: names of rules whose notes are gone, where receipts tell the same.
_NEEDLESS_NAMES = "provenance/metadata so that it in part cannot be used to trigger re-runs"
# Why each job of the planned run runs, by its number (`dag.tell`); "" for jobs that are not shown one by one.
reasons: dict[int, str] = {}


def shorten(logger: logging.Logger, settings: OutputSettings) -> None:
    """Show a dry run's jobs with their reasons in words from now on, unless the settings ask for more or less."""
    if settings.verbose or set(settings.quiet or ()) - {Quietness.HOST}:
        return
    for handler in logger.handlers:
        if type(handler) is ColorizingTextHandler:
            logger.removeHandler(handler)
            logger.addHandler(DryRun(handler))


class DryRun(ColorizingTextHandler):
    """Snakemake's handler for a dry run, with one line for each reason. It replaces `other` and keeps its settings."""

    def __init__(self, other: ColorizingTextHandler) -> None:
        super().__init__(nocolor=other.nocolor, stream=other.stream, formatter=other.formatter)
        self.name = other.name
        for one in other.filters:
            self.addFilter(one)
        self._tables = 0
        self._jobs: dict[str, list[str]] = {}  # what the jobs do, by their reason; not printed yet

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if getattr(record, "event", None) not in (LogEvent.JOB_INFO, LogEvent.GROUP_INFO):
                self._say_jobs(record)
            replaced = self._replaces(record)
        except Exception:  # an unexpected message: better printed as it is
            replaced = False
        if not replaced:
            super().emit(record)

    def _replaces(self, record: logging.LogRecord) -> bool:
        """Print a message in another way, or not at all; returns whether it did."""
        match getattr(record, "event", None):
            case LogEvent.JOB_INFO if not record.output:  # it only asks for the others' results
                return True
            case LogEvent.JOB_INFO if record.rule_msg and record.jobid in reasons:
                if reason := reasons[record.jobid]:
                    self._jobs.setdefault(reason, []).append(record.rule_msg)
                return True
            case LogEvent.GROUP_INFO:
                return True
            case LogEvent.RUN_INFO:
                self._tables += 1
                return self._tables > 1
            case None:
                text = str(record.msg)
                return text.startswith(_NEEDLESS_OF_DRY_RUNS) or _NEEDLESS_NAMES in text
        return False

    def _say_jobs(self, record: logging.LogRecord) -> None:
        """Print a line for each reason, with the jobs that have it."""
        for reason, jobs in self._jobs.items():
            several = f"{len(jobs)} jobs (for each: {reason}): {'; '.join(jobs)}"
            line = several if len(jobs) > 1 else f"{jobs[0]}: {reason}"
            self.stream.write(self.decorate(record, line) + "\n")
        self._jobs.clear()
        self.flush()


def take_over(logger: logging.Logger, settings: OutputSettings, local: Callable[[], bool]) -> None:
    """Show one line per stage on the terminal from now on.

    `logger` and `settings` are Snakemake's. If the settings ask for more (--verbose) or less (--quiet) than lines, or a
    logger plugin uses the terminal, nothing changes, and the jobs print to the terminal. For jobs that are submitted
    elsewhere (not `local()`) Snakemake's announcement is kept, since it tells the job's number there.
    """
    if settings.verbose or {Quietness.ALL, Quietness.RULES, Quietness.PROGRESS} & set(settings.quiet or ()):
        return
    for handler in logger.handlers:
        if type(handler) is ColorizingTextHandler:
            logger.removeHandler(handler)
            logger.addHandler(OneLine(handler, local))
            progress.show_lines(True)


class OneLine(ColorizingTextHandler):
    """Snakemake's handler for the terminal, with one line per stage. It replaces `other` and keeps its settings."""

    def __init__(self, other: ColorizingTextHandler, local: Callable[[], bool]) -> None:
        super().__init__(nocolor=other.nocolor, stream=other.stream, formatter=other.formatter)
        self.name = other.name
        for one in other.filters:
            self.addFilter(one)
        other.formatter.show_failed_logs = True  # of jobs that ran elsewhere
        self._errors: dict[progress.Ended, list[tuple[str, str]]] = {}  # what failed, label and log, by the reason
        self._interrupted = False
        self._local = local
        self._counts: dict[str, int] = {}  # planned jobs by rule
        self._stages: dict[Any, stages.Stage] = {}  # running, in the order in which they began
        self._keys: dict[int, Any] = {}  # the key of each running job's stage
        self._pieces, self._whole = 0, False  # of the result in pieces: how many are done, and whether all are
        self._ended: list[str] = []  # lines that wait for their [n/m]
        self._ours = False  # whether the job that ended last gets a line from here
        self._bars = self.is_tty and os.environ.get("TERM") != "dumb"
        self._over = threading.Event()  # `_closed` is an attribute of logging.Handler
        threading.Thread(target=self._redraw if self._bars else self._tell, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._erase()
            replaced = self._replaces(record)
        except Exception:  # an unexpected message: better printed twice or badly than not at all
            replaced = False
        if not replaced:
            super().emit(record)
        with suppress(Exception):  # a closed terminal, for example: bars must not end a run
            self._draw()

    def close(self) -> None:
        self._over.set()
        with self.lock, suppress(OSError, ValueError):
            self._erase()
        super().close()

    def _replaces(self, record: logging.LogRecord) -> bool:
        """Process a message; returns whether a line from here replaces it, now or later."""
        if record.levelno > logging.INFO:
            if getattr(record, "event", None) == LogEvent.JOB_ERROR:
                return self._failed(record)
            text = str(record.msg)
            if (self._errors or self._interrupted) and _FAILED in text:
                self._say_why(record)
                return True
            # The exception of a script comes before its job is known to have failed.
            ours = self._errors or self._keys or self._interrupted
            return text.strip().startswith(_NEEDLESS_OF_FAILURES) and bool(ours)
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
                # The jobs that make pieces of one result count as one, so that no number is left out.
                pieces = self._counts.get(stages.PIECED, 1)
                apart = pieces - 1 if self._whole else self._pieces
                for line in self._ended:
                    self._print(record, f"[{record.done - apart}/{record.total - pieces + 1}] {line}")
                self._ended.clear()
                return True
            case None | LogEvent.RESOURCES_INFO:
                self._interrupted |= str(record.msg).startswith(_INTERRUPTED)
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
            with suppress(OSError):  # usually there is none; a killed job leaves one
                progress.note_beside(log).unlink()
        stage.logs[record.jobid] = log
        self._keys[record.jobid] = key

    def _finish(self, job: int) -> None:
        key = self._keys.pop(job)
        stage = self._stages[key]
        log = stage.logs.pop(job)
        stage.done += 1
        if key == stages.PIECED:
            self._pieces, self._whole = stage.done, stage.done >= stage.pieces
        if stage.done >= stage.pieces:
            self._ended.append(stage.line(log, self._local()))
            del self._stages[key]

    def _failed(self, record: logging.LogRecord) -> bool:
        """Print that a job failed or was stopped, and keep why; returns whether that is known."""
        key = self._keys.pop(record.jobid, None)
        if key is None:
            return False
        stage = self._stages[key]
        log = stage.logs.pop(record.jobid)
        if not stage.pieces:
            del self._stages[key]
        ended = progress.take_end(log) if log and self._local() else progress.Ended()
        if self._interrupted and not ended.why:  # it was ended, and has not failed
            return True
        self._print(record, f"{stage.label} {_how(ended)} ({progress.duration(time.monotonic() - stage.began)})")
        if not (log and self._local()):
            return False
        self._errors.setdefault(ended, []).append((stage.label, log))
        return True

    def _say_why(self, record: logging.LogRecord) -> None:
        """Print why the jobs failed, each reason once, or that the run was interrupted."""
        if self._interrupted:
            told = "Interrupted. What is finished stays, and the same command goes on from there."
            self.stream.write(self.decorate(record, f"\n{told}") + "\n")
        for ended, jobs in self._errors.items():
            labels = few(list(dict.fromkeys(label for label, _ in jobs)))
            logs = "" if ended.stopped else f"\nWhole log: {few([log for _, log in jobs])}"
            told = ended.why or "\n".join([*stages.last_lines(jobs[0][1]), _SILENT])
            self.stream.write(self.decorate(record, f"\n{labels} {_how(ended)}.\n{told}{logs}") + "\n")
        self.flush()

    def _print(self, record: logging.LogRecord, line: str) -> None:
        clock = "" if self._bars else time.strftime("%H:%M:%S ")
        self.stream.write(self.decorate(record, f"{clock}{line}") + "\n")
        self.flush()

    def _tell(self) -> None:
        """Without a terminal, say from time to time how far the work is."""
        while not self._over.wait(_TOLD_S):
            with self.lock, suppress(Exception):
                for stage in self._stages.values():
                    if stage.logs and (state := stage.state()):
                        self.stream.write(f"{time.strftime('%H:%M:%S ')}{stage.label}: {state}\n")
                self.flush()

    def _redraw(self) -> None:
        while not self._over.wait(_REDRAWN_S):
            with self.lock, suppress(Exception):
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._bars:
            self.stream.write("\x1b[J")

    def _draw(self) -> None:
        """Draw a bar for every running stage below the cursor, which stays in place: the output of another process then
        replaces the bars and never appears below them.
        """
        if not self._bars or self._over.is_set():
            return
        size = os.get_terminal_size(self.stream.fileno())
        ascii_only = not (self.stream.encoding or "").lower().startswith("utf")
        # A size of 0 means unknown.
        working = [stage for stage in self._stages.values() if stage.logs][: max((size.lines or 24) - 1, 1)]
        lines = [stage.bar(max((size.columns or 80) - 1, 20), ascii_only) for stage in working]
        if lines:
            up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
            self.stream.write("\n".join(lines) + f"{up}\r")
        self.flush()


def _how(ended: progress.Ended) -> str:
    return "stopped" if ended.stopped else "failed"

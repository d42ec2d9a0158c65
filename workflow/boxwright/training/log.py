"""The log of a training run: lines in the terminal, JSON lines, and TensorBoard's event file.

All three hold the same numbers. Each segment writes its own log.
"""

import json
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from boxwright.console import progress
from boxwright.core import files
from boxwright.records.events import EventWriter

PREFIX = "Loss/"  # of the loss tags, as the OD API names them
REGULARIZATION, TOTAL = "Loss/regularization_loss", "Loss/total_loss"

LINES_PER_SEGMENT = 50
MOST_STEPS_BETWEEN = 100  # as often as the OD API logs
SECONDS_BETWEEN_LINES = 10.0


def interval(steps: int) -> int:
    """The number of steps between two log entries of a segment of `steps` steps."""
    return max(1, min(MOST_STEPS_BETWEEN, math.ceil(steps / LINES_PER_SEGMENT)))


def first_entry(start: int, stop: int) -> int:
    """The step of the first log entry of a segment from step `start` (exclusive) to step `stop`."""
    every = interval(stop - start)
    return min(start - start % every + every, stop)


class Log:
    """The log of one segment: from step `start` (exclusive) to step `stop`, its events in the file `events`.

    `records` are the log entries of an interrupted run that is continued here; they are written to `events` again.
    """

    def __init__(self, events: Path, start: int, stop: int, records: Iterable[Mapping[str, float]] = ()):
        self.records: list[dict[str, float]] = [dict(record) for record in records]
        self._start, self.stop = start, stop
        self._every = interval(stop - start)
        self._events = EventWriter(events)
        for record in self.records:
            self._write(record)
        self._mark: tuple[float, int] | None = None  # when the current interval began, and the steps done then
        self._run: tuple[float, int] | None = None  # the same for the pace of the whole run
        self._began = time.monotonic()
        self._waited = 0.0
        self._last_line = -math.inf
        self._since: list[Mapping[str, float]] = []  # the losses of the steps since the last line

    def step(self, step: int, rate: float, losses: Mapping[str, float], waited: float) -> None:
        """Log one finished step: its number (from 1), learning rate, losses by tag, and seconds waited for input."""
        now = time.monotonic()
        self._waited += waited
        self._since.append(losses)
        mean = {tag: sum(one[tag] for one in self._since) / len(self._since) for tag in losses}
        if step % self._every == 0 or step == self.stop:
            began, before = self._mark or (self._began, step - 1)
            seconds = max(now - began, 1e-9)
            record = {
                "learning_rate": rate,
                **losses,
                "steps_per_sec": (step - before) / seconds,
                "input_wait_share": min(self._waited / seconds, 1.0),
            }
            # float32 holds no more than seven digits.
            self.records.append({"step": step} | {tag: float(f"{value:.7g}") for tag, value in record.items()})
            self._write(self.records[-1])
            if now - self._last_line >= SECONDS_BETWEEN_LINES or step == self.stop:
                self._last_line = now
                progress.say(self._line(step, rate, mean, now))
                self._since.clear()
            self._mark, self._waited = (now, step), 0.0
        if self._run is None:
            # The first step also builds the graph, so it does not count for the pace.
            self._run = self._mark = (now, step)
            self._waited = 0.0
        else:
            done, total = step - self._start, self.stop - self._start
            progress.note(done, total, rate=self._pace(step, now), unit="steps", of=f"loss {mean[TOTAL]:.3f}")

    def save(self, path: Path) -> None:
        """Write the records as JSON lines."""
        with files.writing(path, "w") as file:
            file.writelines(json.dumps(record) + "\n" for record in self.records)

    def close(self) -> None:
        """Close the event file."""
        self._events.close()

    def _write(self, record: Mapping[str, float]) -> None:
        self._events.scalars(int(record["step"]), {tag: value for tag, value in record.items() if tag != "step"})

    def _line(self, step: int, rate: float, mean: Mapping[str, float], now: float) -> str:
        """A line for the terminal, with the mean losses since the line before: those of one batch jump."""
        terms = [f"{_short(tag)} {value:.3f}" for tag, value in mean.items() if tag.startswith(PREFIX) and tag != TOTAL]
        line = f"step {step}/{self.stop}  loss {mean[TOTAL]:.3f} ({', '.join(terms)})  lr {rate:.3g}"
        if self._run is not None:
            pace = self._pace(step, now)
            line += f"  {pace:.2f} steps/s"
            if step < self.stop:
                line += f"  ETA {progress.duration((self.stop - step) / pace)}"
        return line

    def _pace(self, step: int, now: float) -> float:
        """Steps per second after the first step, in which the graph was built."""
        since, before = self._run
        return (step - before) / max(now - since, 1e-9)


_NAMES = {"localization": "loc", "classification": "cls", "regularization": "reg", "objectness": "obj"}


def _short(tag: str) -> str:
    """A loss's tag in a few letters: Loss/RPNLoss/objectness_loss -> rpn obj."""
    *groups, name = tag.removeprefix(PREFIX).split("/")
    name = name.removesuffix("_loss")
    stage = {"RPNLoss": "rpn ", "BoxClassifierLoss": "box "}.get(groups[0] if groups else "", "")
    return stage + _NAMES.get(name, name)

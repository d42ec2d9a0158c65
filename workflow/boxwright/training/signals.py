"""Being asked to stop: SIGTERM (a cluster that takes its machine back) and SIGINT (Ctrl-C)."""

import signal
import threading
from types import FrameType
from typing import Any

from boxwright.core.errors import UserError


class StoppedError(UserError):
    """The training process was asked to stop (SIGTERM, SIGINT) and has saved what there was to save."""


class Signals:
    """SIGTERM and SIGINT as a request, `name`, that the loop answers after its current step.

    Until `wait` is set there is nothing to save (the graph is being built), and the request stops the process at once.
    After the last step it changes nothing: the end is written, which takes less than starting again.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.wait = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        if not self.wait:
            self.stop_if(True, "it had not begun, so nothing is lost")

    def stop_if(self, asked: bool, outcome: str) -> None:
        """Raise StoppedError if a signal came, here or to a process that shares the training."""
        if asked:
            raise StoppedError(f"Training was stopped by {self.name or 'a signal to another process'}: {outcome}.")

"""Requests to stop: SIGTERM (a cluster that reclaims its machine) and SIGINT (Ctrl-C)."""

import signal
import threading
from types import FrameType
from typing import Any

from boxwright.core.errors import StoppedError


class Signals:
    """Turns SIGTERM and SIGINT into a request, `name`, that the loop handles after its current step.

    Until `wait` is set there is nothing to save (the graph is being built), so the request stops the process at once.
    After the last step the request is ignored: writing the result takes less time than starting again.
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
        """Raise StoppedError if `asked`: this process or another one that shares the training received a signal."""
        if asked:
            raise StoppedError(f"Training was stopped by {self.name or 'a signal to another process'}: {outcome}.")

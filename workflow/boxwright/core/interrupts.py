"""Hold a Ctrl-C back while a process starts.

The terminal sends it to every process of a run. While Python imports, it would answer with a traceback, so a process
starts with the signal held back, and lets it in where it can answer in a sentence. On Windows nothing is held back.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_CAN_HOLD = hasattr(signal, "pthread_sigmask")
_came = False


@contextmanager
def held() -> Iterator[None]:
    """Hold SIGINT back in this thread, and in the processes that it starts until they call `let_in`."""
    if not _CAN_HOLD:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def told() -> Iterator[None]:
    """Hold SIGINT back while a program imports; one that came ends the program with a word and exit status 130."""
    try:
        with held():
            yield
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)


def let_in() -> None:
    """Get a Ctrl-C from now on, and one that came before."""
    if _CAN_HOLD:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def remember() -> None:
    """Answer SIGINT as Python does by itself, and let `came` know of it. Only the main thread may call this."""
    global _came
    _came = False
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _remembered)


def _remembered(number: int, frame: FrameType | None) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def came() -> bool:
    """Whether a SIGINT came since `remember`: libraries in C turn the KeyboardInterrupt into errors of their own."""
    return _came

"""Hold a Ctrl-C back while a process starts.

The terminal sends it to every process of a run. While Python imports, it would answer with a traceback, so a process
starts with the signal held back, and lets it in where it can answer in a sentence. On Windows nothing is held back.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_CAN_HOLD = hasattr(signal, "pthread_sigmask")


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


def let_in() -> None:
    """Get a Ctrl-C from now on, and one that came before."""
    if _CAN_HOLD:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

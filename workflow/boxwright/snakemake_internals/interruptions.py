"""A Ctrl-C that meets a job while its process starts.

The terminal sends it to every process of the run. Before the frame of the job (`console.job`) is there, Python would
answer with a traceback, of its imports. So a script's process starts with the signal held back, and the frame lets it
in: then the job ends with one sentence, as later on.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from snakemake.script import PythonScript


def hold_while_jobs_start() -> None:
    """Make Snakemake start the processes of scripts with SIGINT held back; on Windows nothing changes."""
    if not hasattr(signal, "pthread_sigmask"):
        return
    original = getattr(PythonScript._execute_cmd, "original", PythonScript._execute_cmd)

    def execute(script: PythonScript, *arguments: Any, **named: Any) -> Any:
        # The thread that waits for the process; the main thread still gets the signal.
        with _held():
            return original(script, *arguments, **named)

    execute.original = original
    PythonScript._execute_cmd = execute


@contextmanager
def _held() -> Iterator[None]:
    """Hold SIGINT back in this thread and in the processes that it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""A Ctrl-C while the run, or the process of a job, starts: a sentence in place of a traceback.

Before the frame of a job (`console.job`) is there, Python would answer with a traceback, of its imports. So a script's
process starts with the signal held back, and the frame lets it in: then the job ends as it does later on.
"""

import sys
from types import TracebackType
from typing import Any

from snakemake.script import PythonScript

from boxwright.core import interrupts


def tell_from_now_on() -> None:
    """Let the signal in that `boxwright run` held back; where it ends this process, say no more than that."""
    sys.excepthook = _told
    interrupts.let_in()


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("\nInterrupted.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def hold_while_jobs_start() -> None:
    """Make Snakemake start the processes of scripts with SIGINT held back."""
    original = getattr(PythonScript._execute_cmd, "original", PythonScript._execute_cmd)

    def execute(script: PythonScript, *arguments: Any, **named: Any) -> Any:
        # The thread that waits for the process; the main thread still gets the signal.
        with interrupts.held():
            return original(script, *arguments, **named)

    execute.original = original
    PythonScript._execute_cmd = execute

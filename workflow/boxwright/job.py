"""What every script of a rule does around its work: a log file beside the terminal, and errors that people can read."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# TensorFlow's C++ side greets on standard error with lines that help nobody; its errors still come through.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from boxwright.errors import UserError


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a rule's work: what it prints also goes to the rule's log; a UserError ends it with its text and exit code 1.

    `snakemake` is the object that Snakemake hands to a script.
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", buffering=1) as log:
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(stdout, log), _Tee(stderr, log)
        try:
            yield
        except UserError as error:
            print(f"\n{error}\n", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            sys.exit(130)
        except Exception:
            import traceback

            print(traceback.format_exc(), file=log)
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = stdout, stderr


class _Tee(io.TextIOBase):
    """A stream that writes to the terminal and, without the redrawn lines of progress bars, to a log."""

    def __init__(self, terminal: Any, log: Any) -> None:
        self._terminal, self._log = terminal, log

    def write(self, text: str) -> int:
        self._terminal.write(text)
        if "\r" not in text and "\x1b" not in text:
            self._log.write(text)
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()
        self._log.flush()

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()

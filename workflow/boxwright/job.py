"""What every script of a rule does around its work: a log file beside the terminal, and errors that people can read."""

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

# TensorFlow's warnings about itself help nobody who watches a run; its errors still come through.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from boxwright import disk
from boxwright.errors import UserError
from boxwright.receipts import Receipts


@contextmanager
def job(snakemake: Any, *, tensorflow: bool = False) -> Iterator[list[Path]]:
    """Run a rule's work: what it prints also goes to the rule's log; a UserError ends it with its text and exit code 1.

    `snakemake` is the object that Snakemake hands to a script. With `tensorflow` it is imported first, and what it
    prints about itself on the way goes to the log alone. Inputs must be what was written; outputs get receipts
    (`boxwright.receipts`), together with files that the rule cannot declare, if the block puts them on the list.
    """
    receipts = Receipts(snakemake.config["results"])
    undeclared: list[Path] = []
    with _opened(Path(snakemake.log[0])) as log:
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(stdout, log), _Tee(stderr, log)
        try:
            if tensorflow:
                _import_tensorflow(log)
            receipts.begin(snakemake.output)
            for path in snakemake.input:
                receipts.verify(path)
            yield undeclared
            receipts.write(snakemake.output, undeclared)
        except UserError as error:
            print(f"\n{error}\n", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            sys.exit(130)
        except Exception as error:
            if disk.is_full(error):
                print(f"\n{disk.full(snakemake.output[0])}\n", file=sys.stderr)
                sys.exit(1)
            print(traceback.format_exc(), file=log)
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = stdout, stderr


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The log file; on a full disk there is none, and the terminal still hears what happens."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        if not disk.is_full(error):
            raise
        log = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (closed below)
    try:
        yield log
    finally:
        with suppress(OSError):
            log.close()


def _import_tensorflow(log: Any) -> None:
    """Import TensorFlow, whose C++ side greets on file descriptor 2 whatever its log level is."""
    terminal = os.dup(2)
    os.dup2(log.fileno(), 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


class _Tee(io.TextIOBase):
    """A stream that writes to the terminal and, without the redrawn lines of progress bars, to a log."""

    def __init__(self, terminal: Any, log: Any) -> None:
        self._terminal, self._log = terminal, log

    def write(self, text: str) -> int:
        self._terminal.write(text)
        if "\r" not in text and "\x1b" not in text:
            with suppress(OSError):  # of a full disk
                self._log.write(text)
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()
        with suppress(OSError):
            self._log.flush()

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()

"""The frame of every rule's script: a log file, readable errors, and checksums.

A job prints into its log. It prints on the terminal only if the run does not show a line for it there
(`console.progress`): on another machine, under --verbose, or if the disk is too full for a log.
"""

import io
import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

# TensorFlow's warnings about itself do not help users; its errors are still shown.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from boxwright.console import progress
from boxwright.console.checksums import Checksums
from boxwright.core import disk, interrupts
from boxwright.core.errors import StoppedError, UserError
from boxwright.core.wording import printable


class Undeclared(list[Path]):
    """Files that a job writes and its rule cannot declare. notes: what the receipts tell beside the rule's identity."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, Any] = {}


@contextmanager
def job(snakemake: Any, *, tensorflow: bool = False) -> Iterator[Undeclared]:
    """Run a rule's work: its output goes to the rule's log, and a UserError ends it with its text and exit code 1.

    snakemake: the object that Snakemake passes to a script.
    tensorflow: import TensorFlow first; what it prints during the import goes to the log alone.

    Inputs are verified against their receipts, and outputs get receipts (`console.checksums`), with the identity
    among the rule's parameters. The block receives a list: files that it adds, which the rule cannot declare, get
    checksums too.
    """
    checksums = Checksums(snakemake.config["results"])
    undeclared = Undeclared()
    identity = getattr(getattr(snakemake, "params", None), "identity", None)
    path = Path(snakemake.log[0])
    with _printing_to(path) as (log, beside):
        try:
            with progress.of_job(progress.note_beside(path), beside):
                if tensorflow:
                    import_tensorflow(log)
                # Before, it would leave an import of TensorFlow with an error of its own.
                interrupts.remember()
                interrupts.let_in()
                _require_room(snakemake)
                checksums.begin(snakemake.output)
                for given in snakemake.input:
                    checksums.verify(given)
                yield undeclared
                made_with = {} if identity is None else {"identity": identity}
                checksums.write(snakemake.output, undeclared, made_with | undeclared.notes)
        except UserError as error:
            print(f"\n{printable(error)}\n", file=sys.stderr)
            progress.note_end(path, progress.Ended(printable(error), isinstance(error, StoppedError)))
            _let_go(error)
            sys.exit(1)
        except KeyboardInterrupt:
            _say_interrupted()
        except Exception as error:
            if interrupts.came():
                _say_interrupted()
            told = disk.full(snakemake.output[0]) if disk.is_full(error) else traceback.format_exc()
            print(f"\n{told}\n", file=sys.stderr)
            progress.note_end(path, progress.Ended(str(told).strip()))
            _let_go(error)
            sys.exit(1)


def _say_interrupted() -> NoReturn:
    print("Interrupted.", file=sys.stderr)
    sys.exit(130)


def _require_room(snakemake: Any) -> None:
    """Raise UserError if the disk has no room for a checkpoint as large as the one that the job continues from."""
    before = getattr(snakemake.input, "checkpoint", None) or ()
    if not before:
        return
    output = Path(snakemake.output[0])
    if not output.name.startswith("model.ckpt-"):
        return
    needed = sum(Path(path).stat().st_size for path in before if Path(path).is_file())
    output.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(output.parent).free
    if free < needed:
        raise UserError(
            f"The disk is too full for {output.with_suffix('')}: the checkpoint before it has {needed / 1e6:,.1f} MB, "
            f"and {free / 1e6:,.1f} MB are free in {output.parent}. Nothing was trained. Free some space, or keep "
            "fewer checkpoints (`keep`), and run the command again."
        )


def _let_go(error: BaseException | None) -> None:
    """Free the objects in an error's frames now, not when Python shuts down.

    A TensorFlow reader that is freed at shutdown waits forever: its threads need a running Python to end.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


@contextmanager
def _printing_to(path: Path) -> Iterator[tuple[IO[str], IO[str] | None]]:
    """Send what the block prints to the log at `path`. Gives the log, and the terminal if it stays silent."""
    with _opened(path) as log, ExitStack() as stack:
        beside = None
        if progress.is_shown() and log.name == str(path):
            beside = stack.enter_context(os.fdopen(os.dup(2), "w", buffering=1))
            stack.enter_context(_native(log, 1, 2))
        stdout, stderr = sys.stdout, sys.stderr
        sys.stdout = _Tee(beside or stdout, log, spared=beside is not None)
        sys.stderr = _Tee(beside or stderr, log, spared=beside is not None)
        try:
            yield log, beside
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = stdout, stderr


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The log file. On a full disk there is none, and the terminal shows the output instead."""
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


def import_tensorflow(log: IO[str]) -> None:
    """Import TensorFlow; what its C++ code prints on file descriptor 2, at any log level, goes to `log`."""
    with _native(log, 2):
        import tensorflow  # noqa: F401


@contextmanager
def _native(log: IO[str], *descriptors: int) -> Iterator[None]:
    """Send to `log` what is written directly to these file descriptors, bypassing Python's streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(one) for one in descriptors]
    for one in descriptors:
        os.dup2(log.fileno(), one)
    try:
        yield
    finally:
        for one, before in zip(descriptors, kept, strict=True):
            os.dup2(before, one)
            os.close(before)


class _Tee(io.TextIOBase):
    """A stream that writes to a log and to the terminal.

    A terminal that is `spared` gets only what the log does not hold: the redrawn lines of progress bars never get into
    the log and are dropped, and text that does not fit on a full disk goes to the terminal.
    """

    def __init__(self, shown: Any, log: Any, spared: bool) -> None:
        self._terminal, self._log, self._spared = shown, log, spared

    def write(self, text: str) -> int:
        redrawn = "\r" in text or "\x1b" in text
        kept = redrawn or self._keep(text)
        if not (self._spared and kept):
            self._terminal.write(text)
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()
        with suppress(OSError):
            self._log.flush()

    def isatty(self) -> bool:
        return not self._spared and self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()

    def _keep(self, text: str) -> bool:
        try:
            self._log.write(text)
        except OSError:  # the disk is full
            return False
        return True

"""Checksums: what a finished result was when it was written, so that a damaged one is found.

A rule's job leaves one for each of its outputs, `<results>/.checksums/<path below the results>.json`: the size and the
CRC-32C of the file, or of each file of a folder. Sizes are compared whenever a run is planned, which costs a `stat`
per file; checksums when a job takes the file as its input. Records and checkpoints have checksums of their own, which
their readers verify piece by piece, so theirs are left out here: reading them whole would take long.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import google_crc32c

from boxwright.core import files
from boxwright.core.disk import DiskFullError
from boxwright.core.errors import UserError

FOLDER = ".checksums"

# The endings of files whose own format has checksums.
_CHECKED_BY_THEIR_READERS = (".tfrecord", ".data-00000-of-00001")
_PIECE = 1 << 20
_UNFINISHED = b""


class Checksums:
    """The checksums of one results folder; what lies elsewhere has none."""

    def __init__(self, results: str | os.PathLike) -> None:
        self._results = Path(results).absolute()

    def write(self, outputs: Iterable[str | os.PathLike], beside: Iterable[str | os.PathLike] = ()) -> None:
        """Leave a receipt for each output; files that no rule declares, `beside`, go into that of the first."""
        for output in outputs:
            path = Path(output)
            found = [path, *beside] if not path.is_dir() else [*_below(path), *beside]
            beside = ()
            if receipt := self._receipt(path):
                facts = {os.path.relpath(file, path.parent): _facts(Path(file)) for file in found}
                with files.writing(receipt, "w") as file:
                    json.dump(facts, file, indent=0, sort_keys=True)

    def begin(self, outputs: Iterable[str | os.PathLike]) -> None:
        """Note that outputs are about to be made, so that they are made again should this never come to its end."""
        for output in outputs:
            if receipt := self._receipt(Path(output)):
                with suppress(DiskFullError):  # the output itself will have more to say about that
                    files.write_if_changed(receipt, _UNFINISHED)

    def complaint(self, output: str | os.PathLike) -> str:
        """What is wrong with an output: unfinished, a file gone or of another size; "" if nothing is."""
        path = Path(output)
        for name, (size, _) in self._read(path).items():
            file = path.parent / name
            try:
                there = file.stat().st_size
            except OSError:
                return f"{file} is gone"
            if there != size:
                return f"{file} has {there} bytes, it was written with {size}"
        return f"{path} was left unfinished" if self._is_unfinished(path) else ""

    def verify(self, given: str | os.PathLike) -> None:
        """Raise UserError where an input is not, byte for byte, what was written."""
        path = Path(given)
        for name, (size, checksum) in self._read(path).items():
            file = path.parent / name
            if not file.is_file():
                raise UserError(f"{file} is missing. Run again: it is made anew.")
            if file.stat().st_size != size or (checksum is not None and _checksum(file) != checksum):
                raise UserError(
                    f"{file} is damaged: its checksum is not the one it was written with. Delete it and run again: it "
                    "is made anew."
                )

    def _receipt(self, output: Path) -> Path | None:
        path = output.absolute()
        if not path.is_relative_to(self._results):
            return None
        below = path.relative_to(self._results)
        return self._results / FOLDER / below.with_name(f"{below.name}.json")

    def _read(self, output: Path) -> Mapping[str, tuple[int, str | None]]:
        """Size and checksum of each file of an output by its path from the output's own folder."""
        receipt = self._receipt(output)
        try:
            return json.loads(receipt.read_bytes()) if receipt else {}
        except (OSError, ValueError):
            return {}

    def _is_unfinished(self, output: Path) -> bool:
        receipt = self._receipt(output)
        try:
            return receipt is not None and receipt.read_bytes() == _UNFINISHED
        except OSError:
            return False


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _facts(path: Path) -> tuple[int, str | None]:
    own = path.name.endswith(_CHECKED_BY_THEIR_READERS)
    return path.stat().st_size, None if own else _checksum(path)


def _checksum(path: Path) -> str:
    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            checksum.update(piece)
    return checksum.hexdigest().decode()

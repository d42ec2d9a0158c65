"""Receipts of finished results, which reveal results that were damaged later, or made with other settings.

A rule's job writes one receipt for each of its outputs, `<results>/.checksums/<path below the results>.json`. It holds

    files      the size and the CRC-32C of the output, or of each file in it if the output is a folder
    made_with  what the output was made with: `identity`, that of its rule (`run.identities`), and what the job notes

Sizes are compared whenever a run is planned, which costs one `stat` per file; identities are compared there too, so
that results which Snakemake's own notes do not know are made again if they have to be, and only then. Checksums are
compared when a job takes the file as its input. Records and checkpoints have no CRC-32C here: their own formats have
checksums, which their readers verify piece by piece, and reading them whole would take long.

Receipts of earlier releases hold the files alone.
"""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

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
    """The checksums of one results folder. Files outside the folder have none. folder: where the receipts are."""

    def __init__(self, results: str | os.PathLike) -> None:
        self._results = Path(results).absolute()
        self.folder = Path(results) / FOLDER

    def write(
        self,
        outputs: Iterable[str | os.PathLike],
        beside: Iterable[str | os.PathLike] = (),
        made_with: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the receipt of each output. Undeclared files, `beside`, are added to those of the first output.

        made_with: plain values (JSON's types).
        """
        for output in outputs:
            path = Path(output)
            found = [path, *beside] if not path.is_dir() else [*_below(path), *beside]
            beside = ()
            if receipt := self._receipt(path):
                facts = {os.path.relpath(file, path.parent): _facts(Path(file)) for file in found}
                with files.writing(receipt, "w") as file:
                    json.dump({"files": facts, "made_with": made_with or {}}, file, indent=0, sort_keys=True)

    def begin(self, outputs: Iterable[str | os.PathLike]) -> None:
        """Mark outputs as unfinished, so that they are made again if the job never ends normally."""
        for output in outputs:
            if receipt := self._receipt(Path(output)):
                with suppress(DiskFullError):  # writing the output itself will report it
                    files.write_if_changed(receipt, _UNFINISHED)

    def complaint(self, output: str | os.PathLike) -> str:
        """What is wrong with an output: unfinished, a file gone or of a different size; "" if nothing is."""
        path = Path(output)
        for name, (size, _) in self._read(path).items():
            file = path.parent / name
            there = _size(file)
            if there is None:
                gone = file
                while not os.path.isdir(gone.parent):  # noqa: PTH112 (of an impossible name pathlib raises an error)
                    gone = gone.parent  # the folder that is gone with it
                return f"{gone} is gone"
            if there != size:
                return f"{file} has {there} bytes instead of {size}"
        return f"{path} was left unfinished" if self.is_unfinished(path) else ""

    def made_with(self, output: str | os.PathLike) -> Mapping[str, Any]:
        """What an output was made with; empty if it has no receipt, or an old one."""
        content = self._content(Path(output))
        found = content.get("made_with") if isinstance(content, dict) else None
        return found if isinstance(found, dict) else {}

    def keeps(self, output: str | os.PathLike) -> bool:
        """Whether an output lies where it has a receipt: below the results."""
        return self._receipt(Path(output)) is not None

    def is_unfinished(self, output: str | os.PathLike) -> bool:
        """Whether an output was begun and not finished."""
        receipt = self._receipt(Path(output))
        try:
            return receipt is not None and receipt.read_bytes() == _UNFINISHED
        except OSError:
            return False

    def is_damaged(self, output: str | os.PathLike) -> bool:
        """Whether an output has a receipt that tells nothing, because the receipt itself is damaged."""
        receipt = self._receipt(Path(output))
        there = receipt is not None and receipt.is_file() and not self.is_unfinished(output)
        return there and _files_in(self._content(Path(output))) is None

    def verify(self, given: str | os.PathLike) -> None:
        """Raise UserError if an input is not, byte for byte, what was written."""
        path = Path(given)
        for name, (size, checksum) in self._read(path).items():
            file = path.parent / name
            there = _size(file)
            if there is None:
                raise UserError(f"{file} is missing. Run again to recreate it.")
            if there != size or (checksum is not None and _checksum(file) != checksum):
                raise UserError(
                    f"{file} is damaged: its checksum has changed since it was written. Delete it and run again to "
                    "recreate it."
                )

    def _receipt(self, output: Path) -> Path | None:
        path = output.absolute()
        if not path.is_relative_to(self._results):
            return None
        below = path.relative_to(self._results)
        return self._results / FOLDER / below.with_name(f"{below.name}.json")

    def _read(self, output: Path) -> Mapping[str, tuple[int, str | None]]:
        """Size and checksum of each file of an output, by path relative to the output's parent folder."""
        return _files_in(self._content(output)) or {}

    def _content(self, output: Path) -> Any:
        """The content of the receipt of an output; None if there is none that can be read."""
        receipt = self._receipt(output)
        try:
            return files.parse_json(receipt.read_bytes()) if receipt else None
        except (OSError, ValueError):
            return None


def _files_in(content: Any) -> Mapping[str, tuple[int, str | None]] | None:
    """Size and checksum by file in the content of a receipt; None if it is not one."""
    found = content.get("files", content) if isinstance(content, dict) else None
    return found if isinstance(found, dict) and all(map(_is_facts, found.values())) else None


def _is_facts(facts: Any) -> bool:
    """Whether a value read from a receipt is a size and a checksum."""
    return (
        isinstance(facts, list)
        and len(facts) == 2
        and isinstance(facts[0], int)
        and (facts[1] is None or isinstance(facts[1], str))
    )


def _size(file: Path) -> int | None:
    """The bytes of a file; None if there is none, or its name, from a damaged receipt, is an impossible one."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


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

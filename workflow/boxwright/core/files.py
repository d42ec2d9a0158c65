"""Atomic writes of files and folders: they appear complete or not at all. Also copies and SHA-256."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from boxwright.core import disk
from boxwright.core.errors import UserError

# The bytes that the name of a file may have, on all usual file systems.
_LONGEST = 255


@contextmanager
def writing(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO]:
    """Open a file beside `path` for writing and rename it to `path` when the block ends without an error.

    The parent folder is created if missing. On an error nothing is left behind and an older `path` stays unchanged.
    `mode` is "wb" or "w" (UTF-8, "\\n" line ends). Raises UserError if the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(_hidden(path.name))
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if not disk.is_full(error):
            raise
        written = temporary.stat().st_size if temporary.exists() else 0
        temporary.unlink(missing_ok=True)
        raise disk.full(path, at_least=written) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: str | os.PathLike) -> Iterator[Path]:
    """A new folder to write into, beside `folder`. It replaces `folder` when the block ends without an error.

    On an error nothing is left behind and an older `folder` stays unchanged. Raises UserError if the disk is full.
    """
    folder = Path(folder)
    with _folder_beside(folder, folder.name) as temporary:
        yield temporary
        _move(temporary, folder)


@contextmanager
def whole_entries(folder: str | os.PathLike, names: Sequence[str]) -> Iterator[Path]:
    """A new folder to write `names` into. They move into `folder` when the block ends without an error.

    names: files and folders (optionally with a "/" at the end) relative to `folder`. Other entries of `folder` stay
    unchanged. On an error nothing is left behind and all entries stay unchanged. Raises UserError if the disk is full.
    """
    folder = Path(folder)
    with _folder_beside(folder, f"{folder.name}.{Path(names[0]).name}") as temporary:
        yield temporary
        for name in names:
            _move(temporary / name, folder / name)


@contextmanager
def _folder_beside(folder: Path, name: str) -> Iterator[Path]:
    """A hidden folder beside `folder` for the block; `name` distinguishes it from those of other running jobs."""
    for stale in folder.parent.glob(f".{name}.[0-9]*.tmp"):  # left by a killed run
        shutil.rmtree(stale, ignore_errors=True)
    temporary = folder.with_name(_hidden(name))
    temporary.mkdir(parents=True)
    try:
        yield temporary
    except Exception as error:
        if not disk.is_full(error):
            raise
        written = sum(path.stat().st_size for path in temporary.rglob("*") if path.is_file())
        shutil.rmtree(temporary, ignore_errors=True)
        raise disk.full(folder, at_least=written + getattr(error, "needed", 0)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _hidden(name: str) -> str:
    """The name of what becomes `name`; it stands in for a name to which nothing can be added."""
    hidden = f".{name}.{os.getpid()}.tmp"
    if len(os.fsencode(hidden)) <= _LONGEST:
        return hidden
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.{os.getpid()}.tmp"


def _move(source: Path, target: Path) -> None:
    """Move a file or a folder to `target` and replace what is there."""
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def copy(source: str | os.PathLike, target: str | os.PathLike) -> None:
    """Copy a file atomically, without reading it into memory as a whole."""
    with Path(source).open("rb") as original, writing(target) as file:
        shutil.copyfileobj(original, file)


def write_all(contents: Mapping[str, bytes]) -> None:
    """Write several files, each atomically: bytes by path."""
    for path, data in contents.items():
        with writing(path) as file:
            file.write(data)


def write_json(path: str | os.PathLike, content: Any, indent: int | None = 2) -> None:
    """Write plain values as JSON, atomically; all on one line if `indent` is None.

    Raises ValueError for numbers that JSON does not have (NaN, infinity), and then writes nothing.
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    with writing(path, "w") as file:
        file.write(text + "\n")


def read_json(path: str | os.PathLike) -> Any:
    """The content of a JSON file that a run wrote; raises UserError if it is damaged."""
    return _parsed(path, Path(path).read_bytes())


def read_json_lines(path: str | os.PathLike) -> list[Any]:
    """The contents of a file with a line of JSON each, as a run wrote it; raises UserError if one is damaged."""
    return [_parsed(path, line) for line in Path(path).read_bytes().splitlines()]


def parse_json(data: bytes | str) -> Any:
    """The content of a JSON text. Raises ValueError if it is damaged, also where thousands of brackets are nested."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _parsed(path: str | os.PathLike, data: bytes) -> Any:
    try:
        return parse_json(data)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}). Delete it and run again to recreate it.") from error


def write_if_changed(path: str | os.PathLike, data: bytes) -> bool:
    """Write `data` to `path` unless the file already holds these bytes; return whether it was written.

    An unchanged file keeps its modification time, so nothing that depends on it reruns.
    """
    path = Path(path)
    try:
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    except FileNotFoundError:
        pass
    with writing(path) as file:
        file.write(data)
    return True


def sha256_file(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's bytes in hexadecimal, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

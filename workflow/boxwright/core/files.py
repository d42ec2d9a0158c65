"""Files and folders that appear whole or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from boxwright.core import disk


@contextmanager
def writing(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO]:
    """Open a file beside `path` for writing and rename it to `path` when the block ends without an error.

    The parent folder is made if missing. On an error nothing is left behind and an older `path` stays as it was.
    `mode` is "wb" or "w" (UTF-8, "\\n" line ends). Raises UserError where the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
    """A new folder beside `folder` to write into, which takes its place when the block ends without an error.

    On an error nothing is left behind and an older `folder` stays as it was. Raises UserError where the disk is full.
    """
    folder = Path(folder)
    with _folder_beside(folder, folder.name) as temporary:
        yield temporary
        _move(temporary, folder)


@contextmanager
def whole_entries(folder: str | os.PathLike, names: Sequence[str]) -> Iterator[Path]:
    """A new folder to write `names` into, which move into `folder` when the block ends without an error.

    names: files and folders (a "/" at the end may say so) below `folder`, whose other entries stay as they are. On an
    error nothing is left behind, and older ones stay as they were. Raises UserError where the disk is full.
    """
    folder = Path(folder)
    with _folder_beside(folder, f"{folder.name}.{Path(names[0]).name}") as temporary:
        yield temporary
        for name in names:
            _move(temporary / name, folder / name)


@contextmanager
def _folder_beside(folder: Path, name: str) -> Iterator[Path]:
    """A folder for the block, beside `folder` and hidden; `name` tells it from those of other jobs at work there."""
    for stale in folder.parent.glob(f".{name}.[0-9]*.tmp"):  # of a run that was killed
        shutil.rmtree(stale, ignore_errors=True)
    temporary = folder.with_name(f".{name}.{os.getpid()}.tmp")
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


def _move(source: Path, target: Path) -> None:
    """Put a file or a folder in the place of another."""
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def copy(source: str | os.PathLike, target: str | os.PathLike) -> None:
    """Copy a file, which appears whole; a piece of it at a time is in memory."""
    with Path(source).open("rb") as original, writing(target) as file:
        shutil.copyfileobj(original, file)


def write_all(contents: Mapping[str, bytes]) -> None:
    """Write several files, each as a whole: bytes by path. Nothing is written before all contents are there."""
    for path, data in contents.items():
        with writing(path) as file:
            file.write(data)


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write plain values as JSON for programs and people, as a whole."""
    with writing(path, "w") as file:
        file.write(json.dumps(content, indent=2) + "\n")


def write_if_changed(path: str | os.PathLike, data: bytes) -> bool:
    """Write `data` to `path` unless the file holds just these bytes; say whether it was written.

    A file whose bytes do not change keeps its time, so nothing that depends on it reruns.
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


class HashCache:
    """SHA-256 of files, remembered in a small JSON file as long as a file's size, times and inode stay the same.

    `cache[path]` hashes a file at most once. Where the JSON file cannot be written the hashes are found anew each time.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self._path = Path(path)
        try:
            self._known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def __getitem__(self, path: str | os.PathLike) -> str:
        path = Path(path).resolve()
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = self._known.get(str(path))
        if known and known[0] == state:
            return known[1]
        value = sha256_file(path)
        self._known[str(path)] = [state, value]
        with suppress(OSError):  # in a read-only tree the hash is right all the same
            write_if_changed(self._path, json.dumps(self._known, sort_keys=True, indent=0).encode())
        return value

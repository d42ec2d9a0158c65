"""Files that appear whole or not at all."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def writing(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO]:
    """Open a file beside `path` for writing and rename it to `path` when the block ends without an error.

    The parent folder is made if missing. On an error nothing is left behind and an older `path` stays as it was.
    `mode` is "wb" or "w" (UTF-8, "\\n" line ends).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with temporary.open(mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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

"""Parts of files, each with a path of its own ("train.record@120+4096"), as images in a file of records need one.

Whoever reads a file that may be such a part reads it with `read`.
"""

import os
import re

_PART = re.compile(r"(?s)(.+)@(\d+)\+(\d+)")
# Bytes per read.
_STEP = 1 << 16


def path_of(file: str, offset: int, length: int) -> str:
    """The path of a part: so many bytes from an offset on."""
    return f"{file}@{offset}+{length}"


def file_of(path: str) -> str:
    """The file that a path leads to, whole or in part."""
    found = _PART.fullmatch(path)
    return found[1] if found else path


def read(path: str | os.PathLike) -> bytes:
    """The bytes of a file or of a part of one. Raises OSError if it cannot be read; a file may have become shorter."""
    # os.open takes a third less time than a file object, which matters for small files
    name = os.fspath(path)
    part = _PART.fullmatch(name) if name[-1:].isdigit() else None
    file = os.open(part[1] if part else name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if part:
            return os.pread(file, int(part[3]), int(part[2]))
        return b"".join(iter(lambda: os.read(file, _STEP), b""))
    finally:
        os.close(file)

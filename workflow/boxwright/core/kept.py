"""Text files that we write for ourselves and read back, with a checksum that reveals damage.

The last line of such a file is "# crc32 " and the checksum of all before it. Files of earlier releases have no such
line.
"""

import os
import zlib
from pathlib import Path

from boxwright.core.files import writing

_MARK = b"# crc32 "


class DamagedError(ValueError):
    """The text is not what was written, in a clause about the file."""


def write(path: str | os.PathLike, text: str) -> None:
    """Write a text and its checksum, whole or not at all."""
    with writing(path) as file:
        file.write(sealed(text))


def read(path: str | os.PathLike) -> str:
    """The text that `write` wrote. Raises OSError if the file cannot be read and DamagedError if it is damaged."""
    text, checked = opened(Path(path).read_bytes())
    if not checked:
        raise DamagedError("its checksum is missing")
    return text


def sealed(text: str) -> bytes:
    """The bytes of a file with this text."""
    body = text.encode() + b"\n"
    return body + _MARK + f"{zlib.crc32(body):08x}\n".encode()


def opened(data: bytes) -> tuple[str, bool]:
    """The text in a file's bytes, and whether there is a checksum; without one these are all bytes.

    Raises DamagedError if the checksum is another one, or if the bytes are not UTF-8.
    """
    body, line = _parted(data)
    if line and not body:
        raise DamagedError("it is empty")
    if line and line != _MARK + f"{zlib.crc32(body):08x}\n".encode():
        raise DamagedError("its checksum is wrong")
    try:
        return (body[:-1] if line else body).decode(), bool(line)
    except UnicodeDecodeError as error:
        raise DamagedError("it is not UTF-8") from error


def _parted(data: bytes) -> tuple[bytes, bytes]:
    """All but the line with the checksum, and that line; it is empty if the last line is another."""
    start = data.rfind(b"\n", 0, -1) + 1
    return (data[:start], data[start:]) if data.startswith(_MARK, start) else (data, b"")

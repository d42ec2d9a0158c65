"""TFRecord framing: writing, checked reading in order, and random access.

A record is its length (uint64, little endian), the masked CRC-32C of these 8 bytes (uint32), the payload, and the
masked CRC-32C of the payload (uint32). The mask rotates the checksum right by 15 bits and adds a constant: a plain CRC
is weak on data that itself contains CRCs (format: TensorFlow's tensorflow/core/lib/io/record_writer.h).
"""

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np

from boxwright.core.errors import UserError
from boxwright.core.wording import plural

_MASK_DELTA = 0xA282EAD8
_HEADER = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_FRAME_BYTES = _HEADER.size + _CRC.size


def masked_crc(data: bytes) -> int:
    """The masked CRC-32C of `data` as TFRecord files store it."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def write(file: BinaryIO, data: bytes) -> None:
    """Append one record with the payload `data` to `file`, which is open for binary writing."""
    length = _LENGTH.pack(len(data))
    file.write(length + _CRC.pack(masked_crc(length)))
    file.write(data)
    file.write(_CRC.pack(masked_crc(data)))


def read(path: str | os.PathLike) -> Iterator[bytes]:
    """Yield the payloads of a TFRecord file in order, one in memory at a time, with every checksum verified.

    Raises UserError, with the file and the byte offset of the record, if the file is missing, truncated or damaged.
    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (closed by the `with` below; only opening it can be a user's mistake)
    except OSError as error:
        raise _unreadable(path, error) from None
    with file:
        size = os.fstat(file.fileno()).st_size
        offset = 0
        while offset < size:
            length = _payload_length(file.read(_HEADER.size), path, offset, size)
            payload = file.read(length)
            _check_payload(payload, length, file.read(_CRC.size), path, offset)
            yield payload
            offset += _FRAME_BYTES + length


class Index:
    """Random access to the records of one or several TFRecord files, in the order of `paths`.

    Opening reads the 12-byte header of each record but no payload, and keeps 16 bytes per record in memory. `index[i]`
    reads the i-th payload and verifies its checksum; several threads may call it. The files stay open, so replacing a
    shard in the meantime does not change what is read. `close` (or leaving a `with`) closes them.

    `counts`, if given, is the number of records that each file must hold. Only this reveals a file that was truncated
    exactly between two records.

    Raises UserError, naming all bad files, if a file is missing, is truncated, has a damaged header or the wrong number
    of records, or if there are no records at all.
    """

    def __init__(self, paths: Sequence[str | os.PathLike], counts: Sequence[int] | None = None):
        self.paths = [Path(path) for path in paths]
        self._files: list[int] = []
        offsets: list[np.ndarray] = []
        problems: list[str] = []
        try:
            for position, path in enumerate(self.paths):
                try:
                    self._files.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
                    offsets.append(_record_offsets(self._files[-1], path))
                    if counts is not None and len(offsets[-1]) - 1 != counts[position]:
                        problems.append(
                            f"{path} holds {plural(len(offsets[-1]) - 1, 'record')} but must hold {counts[position]}. "
                            f"{_REMEDY}"
                        )
                except UserError as error:
                    problems.append(str(error))
                except OSError as error:
                    problems.append(str(_unreadable(path, error)))
            if not problems and not any(len(ends) > 1 for ends in offsets):
                files = ", ".join(map(str, self.paths)) or "no file was given"
                problems.append(f"There is no record to read ({files}). At least one image is needed.")
            if problems:
                raise UserError("\n".join(problems))
        except BaseException:
            self.close()
            raise
        self._offsets = offsets
        # _starts[s] is the number of the first record of file s; the last entry is the total number of records.
        self._starts = np.array([0, *accumulate(len(ends) - 1 for ends in offsets)], np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, i: int) -> bytes:
        path, offset, length, file = self._locate(i)
        frame = os.pread(file, length + _FRAME_BYTES, offset)
        _payload_length(frame[: _HEADER.size], path, offset, offset + len(frame))
        payload = frame[_HEADER.size : _HEADER.size + length]
        _check_payload(payload, length, frame[_HEADER.size + length :], path, offset)
        return payload

    def where(self, i: int) -> str:
        """The file and byte offset of the i-th record, for a message."""
        path, offset, _, _ = self._locate(i)
        return f"{path} at byte {offset}"

    def close(self) -> None:
        """Close the files; records can no longer be read."""
        while self._files:
            os.close(self._files.pop())

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _locate(self, i: int) -> tuple[Path, int, int, int]:
        """Path, offset, payload length and file descriptor of the i-th record."""
        if not 0 <= i < len(self):
            raise IndexError(f"record {i} of {len(self)}")
        shard = int(np.searchsorted(self._starts, i, side="right")) - 1
        start, end = self._offsets[shard][i - self._starts[shard] :][:2].tolist()
        return self.paths[shard], start, end - start - _FRAME_BYTES, self._files[shard]


_REMEDY = "Delete it and run again to recreate it."


def _unreadable(path: str | os.PathLike, error: OSError) -> UserError:
    if error.errno == errno.EMFILE:
        return UserError(
            f"{path} cannot be opened: too many open files. Raise the limit (ulimit -n) or use fewer shards."
        )
    return UserError(
        f"The records file {path} cannot be read: {error.strerror}. If a run made it, the next run recreates it."
    )


def _record_offsets(file: int, path: Path) -> np.ndarray:
    """int64 [records + 1]: the offset at which each record begins, and the size of the file."""
    size = os.fstat(file).st_size
    offsets = [0]
    while offsets[-1] < size:
        length = _payload_length(os.pread(file, _HEADER.size, offsets[-1]), path, offsets[-1], size)
        offsets.append(offsets[-1] + _FRAME_BYTES + length)
    return np.array(offsets, np.int64)


def _payload_length(header: bytes, path: str | os.PathLike, offset: int, size: int) -> int:
    """The payload's length from a record's header, after checking it against the checksum and the file's size."""
    if len(header) == _HEADER.size:
        length, crc = _HEADER.unpack(header)
        if crc != masked_crc(header[: _LENGTH.size]):
            raise UserError(
                f"{path} is damaged: the header of the record at byte {offset} fails its checksum. {_REMEDY}"
            )
        if offset + _FRAME_BYTES + length <= size:
            return length
    raise UserError(f"{path} is cut short: the record at byte {offset} ends after the file's {size} bytes. {_REMEDY}")


def _check_payload(payload: bytes, length: int, crc: bytes, path: str | os.PathLike, offset: int) -> None:
    if len(payload) != length or len(crc) != _CRC.size:
        raise UserError(f"{path} was cut short while it was read, in the record at byte {offset}. {_REMEDY}")
    if _CRC.unpack(crc)[0] != masked_crc(payload):
        raise UserError(f"{path} is damaged: the data of the record at byte {offset} fails its checksum. {_REMEDY}")

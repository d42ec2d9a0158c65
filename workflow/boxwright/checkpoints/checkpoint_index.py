"""Reading the names in a checkpoint without TensorFlow, so that a run can check its start weights before its first job.

The index of a checkpoint in TensorFlow's V2 format is a sorted string table in LevelDB's format
(github.com/google/leveldb, doc/table_format.md): blocks of key-value pairs, an index of the blocks, and a footer that
locates the index. Each key leaves out the prefix that it shares with the key before it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from boxwright.checkpoints.checkpoint_state import find_prefix
from boxwright.core import pointers
from boxwright.core.errors import UserError

_FOOTER, _MAGIC = 48, (0xDB4775248B80FB57).to_bytes(8, "little")
_MASK_DELTA = 0xA282EAD8
_UNCOMPRESSED = 0

# Prefixes of the names in checkpoints of detectors and of classifiers, TF1 and TF2.
_DETECTION = re.compile(r"(FeatureExtractor|(First|Second)StageFeatureExtractor|model)/|.*/_feature_extractor")
_CLASSIFICATION = re.compile(r"(MobilenetV\d|resnet_v\d_\d+|Inception(Resnet)?V\d|feature_extractor|block_\w+)/")


def names(source: str | Path) -> list[str] | None:
    """The names of all tensors of a checkpoint (prefix or folder), sorted.

    None for a frozen graph or a checkpoint in the V1 format, which have no such index. Raises UserError if there is no
    checkpoint or its index is damaged.
    """
    if Path(source).suffix == ".pb":
        return None
    path = Path(f"{find_prefix(Path(source))}.index")
    if not path.is_file():
        return None
    data = path.read_bytes()
    if pointers.is_git_lfs(data):
        raise UserError(f"The checkpoint index {path} cannot be used: {pointers.GIT_LFS}.")
    try:
        return [key.decode() for key, _ in _table(data) if key]
    except (IndexError, ValueError) as error:
        raise UserError(
            f"The checkpoint index {path} is damaged ({error}). Download or copy the checkpoint's files again."
        ) from error


def kind_of(found: Iterable[str]) -> str | None:
    """The kind of model that the names in a checkpoint belong to: "detection" or "classification"; None for neither."""
    found = list(found)
    for kind, pattern in (("detection", _DETECTION), ("classification", _CLASSIFICATION)):
        if any(pattern.match(name) for name in found):
            return kind
    return None


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The key-value pairs of a table in order. Raises ValueError or IndexError if it is damaged."""
    footer = data[-_FOOTER:]
    if len(footer) < _FOOTER or footer[-8:] != _MAGIC:
        raise ValueError("its end is missing")
    _, position = _handle(footer, 0)  # the handle of the filter index, which TensorFlow leaves empty
    index, _ = _handle(footer, position)
    for _, value in _block(data, *index):
        block, _ = _handle(value, 0)
        yield from _block(data, *block)


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The pairs of one block, which is followed by its compression type and its masked CRC-32C."""
    content, trailer = data[offset : offset + size], data[offset + size : offset + size + 5]
    if len(trailer) < 5:
        raise ValueError("a block is cut off")
    crc = google_crc32c.value(content + trailer[:1])
    masked = ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
    if masked != int.from_bytes(trailer[1:], "little"):
        raise ValueError(f"the checksum of the block at byte {offset} is wrong")
    if trailer[0] != _UNCOMPRESSED:
        raise ValueError(f"compression {trailer[0]} is not one that TensorFlow writes")
    restarts = int.from_bytes(content[-4:], "little")
    end = size - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(content, position)
        unshared, position = _varint(content, position)
        length, position = _varint(content, position)
        key = key[:shared] + content[position : position + unshared]
        position += unshared
        yield key, content[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    """The offset and size of a block, and the position after them."""
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7

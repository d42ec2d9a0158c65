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
# Fields of the messages in an index, tensorflow/core/protobuf/tensor_bundle.proto and tensor_shape.proto.
_SHARDS = 1
_DTYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _SLICES = 1, 2, 3, 4, 5, 7
_DIM, _UNKNOWN_RANK, _DIM_SIZE = 2, 3, 1
# Protobuf writes negative numbers as numbers of at least this.
_MOST = 2**63
# DataType (tensorflow/core/framework/types.proto): the last one that TensorFlow 2.21 knows, and the bytes of one number
# of those that are floats, whole numbers and booleans.
_LAST_TYPE = 33
_SIZES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}

# Prefixes of the names in checkpoints of detectors and of classifiers, TF1 and TF2.
_DETECTION = re.compile(r"(FeatureExtractor|(First|Second)StageFeatureExtractor|model)/|.*/_feature_extractor")
_CLASSIFICATION = re.compile(r"(MobilenetV\d|resnet_v\d_\d+|Inception(Resnet)?V\d|feature_extractor|block_\w+)/")


def names(source: str | Path) -> list[str] | None:
    """The names of all tensors of a checkpoint (prefix or folder), sorted.

    None for a frozen graph or a checkpoint in the V1 format, which have no such index. Raises UserError if there is no
    checkpoint or its index is damaged. TensorFlow's own reader ends the whole process on some damaged indices, so it
    is given none that this function refuses.
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
        return _names(data)
    except (IndexError, ValueError) as error:
        raise damaged(path.with_suffix(""), f"{path.name}: {error}") from error


def damaged(prefix: str | Path, reason: str) -> UserError:
    """The error for a checkpoint that cannot be read."""
    return UserError(
        f"The checkpoint {prefix} (.index and .data files) is damaged or incomplete: {reason}. None of it was used. "
        "Download or copy its files again; if a run made them, delete them and run again."
    )


def kind_of(found: Iterable[str]) -> str | None:
    """The kind of model that the names in a checkpoint belong to: "detection" or "classification"; None for neither."""
    found = list(found)
    for kind, pattern in (("detection", _DETECTION), ("classification", _CLASSIFICATION)):
        if any(pattern.match(name) for name in found):
            return kind
    return None


def _names(data: bytes) -> list[str]:
    """The names of all tensors in an index. Raises ValueError or IndexError if it is damaged."""
    table = list(_table(data))
    keys = [key for key, _ in table]
    if keys != sorted(set(keys)):
        raise ValueError("its names are not sorted")
    if not keys or keys[0]:
        raise ValueError("its header is missing")
    shards = _last(_fields(table[0][1]), _SHARDS, 0)
    for key, value in table[1:]:
        _check_entry(key, list(_fields(value)), shards)
    return [key.decode() for key in keys[1:]]


def _check_entry(key: bytes, fields: list[tuple[int, int | bytes]], shards: int) -> None:
    """Raise ValueError if the type, the place or the shape of a tensor is impossible."""
    dtype, shard, offset, size = (_last(fields, number, 0) for number in (_DTYPE, _SHARD, _OFFSET, _SIZE))
    if not 0 < dtype <= _LAST_TYPE or shard >= shards or offset + size >= _MOST:
        raise ValueError(f"the type or the place of {key!r} is impossible")
    count = 1
    for number, shape in fields:
        for part, dim in _fields(_bytes(shape)) if number == _SHAPE else ():
            count *= _last(_fields(_bytes(dim)), _DIM_SIZE, 0) if part == _DIM else 1
            if count >= _MOST or part == _UNKNOWN_RANK:
                raise ValueError(f"the shape of {key!r} is impossible")
    # A tensor in slices has its bytes in entries of their own.
    if dtype in _SIZES and not any(number == _SLICES for number, _ in fields) and count * _SIZES[dtype] != size:
        raise ValueError(f"the shape of {key!r} does not fit its {size} bytes")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of the fields of a protobuf message. Raises ValueError or IndexError if it is damaged."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(data, position)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                size, position = _varint(data, position)
            if size is None or position + size > len(data):
                raise ValueError("an entry is damaged")
            value, position = data[position : position + size], position + size
        yield tag >> 3, value


def _last(fields: Iterable[tuple[int, int | bytes]], number: int, default: int) -> int:
    """The value of a field that is a number: the last one given, as protobuf has it."""
    found = [value for one, value in fields if one == number] or [default]
    if not isinstance(found[-1], int):
        raise ValueError("an entry is damaged")
    return found[-1]


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("an entry is damaged")
    return value


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
    if end < 0 or not restarts:
        raise ValueError(f"the block at byte {offset} has impossible lengths")
    position, key = 0, b""
    while position < end:
        shared, position = _varint(content, position)
        unshared, position = _varint(content, position)
        length, position = _varint(content, position)
        if shared > len(key) or position + unshared + length > end:
            raise ValueError(f"the block at byte {offset} has impossible lengths")
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
    while shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is too large")

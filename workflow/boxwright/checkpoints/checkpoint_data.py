"""Whether the data files of a checkpoint are there and long enough, without TensorFlow and without reading them.

A checkpoint in TensorFlow's V2 format is an index and one or more data files. The index holds for every tensor its
file, offset and size, as messages `BundleHeaderProto` (of the empty key) and `BundleEntryProto`
(tensorflow/core/protobuf/tensor_bundle.proto).
"""

from collections import defaultdict
from pathlib import Path

from boxwright.checkpoints.checkpoint_index import _table, _varint
from boxwright.checkpoints.checkpoint_state import find_prefix

_NUM_SHARDS = 1
_SHARD, _OFFSET, _SIZE = 3, 4, 5
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5


def complaint(source: str | Path) -> str:
    """What is wrong with the data files of a checkpoint (a prefix or a folder), in words; "" if nothing is.

    "" also for a frozen graph and for a checkpoint in the V1 format, which have no index. Raises UserError if there is
    no checkpoint.
    """
    if Path(source).suffix == ".pb":
        return ""
    prefix = find_prefix(Path(source))
    index = Path(f"{prefix}.index")
    if not index.is_file():
        return ""
    try:
        shards, ends = _ends(index.read_bytes())
    except (IndexError, ValueError) as error:
        return f"{index} is damaged ({error})"
    for shard in sorted(ends):
        path = Path(f"{prefix}.data-{shard:05d}-of-{shards:05d}")
        if not path.is_file():
            return f"{path} is missing"
        if path.stat().st_size < ends[shard]:
            return f"{path} is cut short: it has {path.stat().st_size:,} of {ends[shard]:,} bytes"
    return ""


def _ends(index: bytes) -> tuple[int, dict[int, int]]:
    """The number of data files, and how many bytes each that has a tensor must have at least."""
    shards, ends = 1, defaultdict(int)
    for key, value in _table(index):
        fields = _numbers(value)
        if not key:
            shards = fields.get(_NUM_SHARDS, 1)
            continue
        shard = fields.get(_SHARD, 0)
        ends[shard] = max(ends[shard], fields.get(_OFFSET, 0) + fields.get(_SIZE, 0))
    return shards, ends


def _numbers(message: bytes) -> dict[int, int]:
    """The whole numbers of a protobuf message by their field's number; fields of other types are passed over."""
    found, position = {}, 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            found[tag >> 3], position = _varint(message, position)
        elif kind == _BYTES:
            length, position = _varint(message, position)
            position += length
        elif kind in (_DOUBLE, _FLOAT):
            position += 8 if kind == _DOUBLE else 4
        else:
            raise ValueError(f"a field of the wire type {kind}")
    return found

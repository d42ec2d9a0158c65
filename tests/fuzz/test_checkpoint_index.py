"""Mutants of the index files of checkpoints. Independent reading: TensorFlow's own reader."""

import math
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import strategies as st
from tensorflow.core.protobuf import tensor_bundle_pb2

from boxwright.checkpoints import checkpoint_files, checkpoint_index
from boxwright.checkpoints.checkpoint_state import find_prefix
from boxwright.core.errors import UserError
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import masked_crc, mutants, varint

_TENSORS = {
    "FeatureExtractor/MobilenetV1/Conv2d_0/weights": np.ones((3, 3, 1, 2), np.float32),
    "FeatureExtractor/MobilenetV1/Conv2d_0/BatchNorm/gamma": np.ones(2, np.float32),
    "global_step": np.array(7, np.int64),
}


def _written(tensors: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    """The index and the data of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint_files.write(Path(folder) / "c", tensors)
        return tuple((Path(folder) / f"c{end}").read_bytes() for end in (".index", ".data-00000-of-00001"))


_INDEX, _DATA = _written(_TENSORS)
SEEDS = [_INDEX, _written({f"scope/{number:03}/beta": np.zeros(1, np.float32) for number in range(40)})[0]]
_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
WORDS = [_MAGIC, varint(2**63), varint(2**32), b"\x80" * 12, b"FeatureExtractor/", b"\xff", struct.pack("<I", 2**31)]


def _block(entries: bytes, restarts: list[int], kind: int = 0) -> bytes:
    """A block of a table with its trailer, whose checksum is right."""
    content = entries + b"".join(struct.pack("<I", one % 2**32) for one in restarts) + struct.pack("<I", len(restarts))
    return content + bytes([kind]) + masked_crc(google_crc32c.value(content + bytes([kind])))


_sizes = st.sampled_from([0, 1, 2, 5, 40, 127, 128, 2**31, 2**32 - 1, 2**63])


_type = st.sampled_from([1, 1, 1, 9, 7, 0, 11, 20, 21, 30, 33, 34, 99, 101, -1])
_number = st.sampled_from([0, 0, 1, 2, 3, 7, 2**31 - 1, -1, -(2**31)])
_long = st.sampled_from([0, 0, 4, 8, 72, 2**31, 2**62, 2**63 - 1, -1])


@st.composite
def _entry(draw: Callable) -> bytes:
    """The entry of a tensor with some odd fields."""
    entry = tensor_bundle_pb2.BundleEntryProto()
    entry.dtype, entry.shard_id = draw(_type), draw(_number)
    entry.offset, entry.size = draw(_long), draw(_long)
    fits = draw(st.booleans())
    entry.shape.unknown_rank = not draw(st.integers(0, 9))
    for size in draw(st.lists(_long, max_size=3)):
        entry.shape.dim.add(size=size)
    if fits:
        entry.dtype, entry.shard_id, entry.size = 1, 0, 4 * math.prod(dim.size for dim in entry.shape.dim) % 2**62
    if not draw(st.integers(0, 4)):
        extent = entry.slices.add().extent.add(start=draw(_long))
        extent.length = draw(_long)
    return entry.SerializeToString() + draw(st.sampled_from([b"", b"", b"\x12\x03\x12\x01\x08", b"\xff", b"\x08\x01"]))


_HEADER = tensor_bundle_pb2.BundleHeaderProto(num_shards=1, version={"producer": 1}).SerializeToString()
_headers = st.sampled_from(
    [_HEADER] * 4 + [b"", b"\x08\x00", b"\x08\x7f", b"\x08\x01\x10\x01", b"\x08\xff\xff\xff\xff\xff\x01"]
)
_keys = st.sampled_from(
    [b"a", b"b", b"model/x", b"\xff\xfe", b"", b"z" * 200, b"_CHECKPOINTABLE_OBJECT_GRAPH", b"\0\1a"]
)


@st.composite
def _table(draw: Callable) -> bytes:
    """A table whose checksums are right, and whose lengths, places and entries may be anything."""
    pairs = [
        (b"", draw(_headers)),
        *sorted(draw(st.dictionaries(_keys, _entry() | st.binary(max_size=8), max_size=3)).items()),
    ]
    entries = b""
    for key, value in pairs if draw(st.integers(0, 9)) else pairs[::-1]:
        lengths = [0, len(key), len(value)]
        if not draw(st.integers(0, 9)):
            lengths[draw(st.integers(0, 2))] = draw(_sizes)
        entries += b"".join(map(varint, lengths)) + key + value
    first = _block(
        entries, draw(st.sampled_from([[0]] * 5 + [[], [0, 3], [2**31]])), draw(st.sampled_from([0] * 9 + [1, 9]))
    )
    handle = varint(draw(st.sampled_from([0] * 9 + [1, 2**40]))) + varint(
        draw(st.sampled_from([len(first) - 5] * 9 + [0, 3]))
    )
    index = _block(varint(0) + varint(1) + varint(len(handle)) + b"z" + handle, [0])
    footer = varint(0) + varint(0) + varint(len(first)) + varint(len(index) - 5)
    return first + index + footer.ljust(40, b"\0") + _MAGIC


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """The prefix of a checkpoint whose index a test writes."""
    (tmp_path / "c.data-00000-of-00001").write_bytes(_DATA)
    return tmp_path / "c"


@fuzz(mutants(SEEDS, words=WORDS) | _table())
def test_checkpoint_index(data: bytes, prefix: Path) -> None:
    """The names are those that TensorFlow reads, or one error tells that the index is damaged."""
    prefix.with_name("c.index").write_bytes(data)
    got = told(checkpoint_index.names, prefix)
    if isinstance(got, UserError):
        return
    assert checkpoint_index.kind_of(got) in (None, "detection", "classification")
    reader = told(checkpoint_files.read, prefix)
    if not isinstance(reader, UserError):
        assert sorted(reader.shapes) == got
        for name in got[:3]:
            told(reader.value, name)


_STATES = [
    b'model_checkpoint_path: "c"\nall_model_checkpoint_paths: "c"\n',
    'model_checkpoint_path: "/home/mé/c-10"\n'.encode(),
    b'model_checkpoint_path: "../c"\r\n',
]


@fuzz(mutants(_STATES, words=['model_checkpoint_path: "', '"\n', "c", "/", "\\", "../", "\0", "x" * 300], text=True))
def test_checkpoint_state(data: bytes, prefix: Path) -> None:
    """The file `checkpoint` names a checkpoint that is there, or the folder's only one is taken, or an error tells."""
    prefix.with_name("c.index").write_bytes(_INDEX)
    (prefix.parent / "checkpoint").write_bytes(data)
    got = told(find_prefix, prefix.parent)
    if not isinstance(got, UserError):
        assert Path(f"{got}.index").exists() or got.is_file()


def test_seeds_are_read(prefix: Path) -> None:
    """The seeds are sound, so that the mutants of them come near."""
    for data in SEEDS:
        prefix.with_name("c.index").write_bytes(data)
        assert checkpoint_index.names(prefix) == sorted(checkpoint_files.names(prefix))

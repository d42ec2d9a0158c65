"""Mutants of TFRecord files. Independent reading: TensorFlow's reader."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from boxwright import tfrecord
from boxwright.core.errors import UserError
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import masked_crc, mutants


def _framed(payloads: list[bytes]) -> bytes:
    file = io.BytesIO()
    for payload in payloads:
        tfrecord.write(file, payload)
    return file.getvalue()


SEEDS = [_framed([b"one", b"", b"three" * 20]), _framed([bytes(300)]), _framed([b"a", b"b"])]
WORDS = [_framed([b"x"]), struct.pack("<Q", 3), struct.pack("<Q", 2**63), masked_crc(google_crc32c.value(b""))]
_LENGTHS = (0, 1, 3, 5, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 16)

_HUGE = [struct.pack("<Q", length) for length in _LENGTHS if length >= 2**31]


@st.composite
def _lying(draw: Callable) -> bytes:
    """Frames whose headers have a right checksum and any length."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        payload = draw(st.binary(max_size=6))
        length = struct.pack("<Q", draw(st.sampled_from([len(payload), len(payload), *_LENGTHS])))
        parts += [length, masked_crc(google_crc32c.value(length)), payload, masked_crc(google_crc32c.value(payload))]
    return b"".join(parts)


def _all(path: Path) -> list[bytes]:
    return list(tfrecord.read(path))


def _by_index(path: Path) -> list[bytes]:
    with tfrecord.Index([path]) as index:
        return [index[number] for number in range(len(index))]


def _by_tensorflow(path: Path) -> list[bytes] | None:
    """The payloads as TensorFlow reads them; None if it finds the file damaged."""
    try:
        return list(tf.compat.v1.io.tf_record_iterator(str(path)))
    except tf.errors.OpError:
        return None


@fuzz(mutants(SEEDS, words=WORDS) | _lying())
def test_tfrecord(data: bytes, tmp_path: Path) -> None:
    """In order, by index and by TensorFlow the same payloads, or damage for all three."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(data)
    got, indexed = told(_all, path), told(_by_index, path)
    if any(length in data for length in _HUGE):  # which TensorFlow allocates, and crashes
        return
    other = _by_tensorflow(path)
    if other is None:
        assert isinstance(got, UserError) and isinstance(indexed, UserError)
        return
    if 0 < len(data) - len(_framed(other)) < 12:  # TensorFlow takes a header that is cut for the end of the file
        assert isinstance(got, UserError) and isinstance(indexed, UserError)
        return
    assert got == other
    assert indexed == other or (other == [] and isinstance(indexed, UserError))  # no record is a mistake of its own


@pytest.mark.parametrize("data", SEEDS)
def test_seeds_are_read(data: bytes, tmp_path: Path) -> None:
    """The seeds are sound, so that the mutants of them come near."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(data)
    assert _all(path) == _by_index(path) == _by_tensorflow(path)

"""TFRecord framing: round trip, damage found and named, random access."""

import hashlib
import io
import os
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from boxwright import tfrecord
from boxwright.core.errors import UserError

PAYLOADS = [b"", b"a", b"\x00" * 1000, bytes(range(256)) * 300, b"last"]


def write_file(path, payloads):
    with path.open("wb") as file:
        for payload in payloads:
            tfrecord.write(file, payload)
    return path


def offset_of(payloads, i):
    return sum(len(payload) + 16 for payload in payloads[:i])


def test_masked_crc_of_known_value():
    # CRC-32C of "123456789" is 0xE3069283 (the check value of the polynomial's catalogue entry), masked by hand.
    crc = 0xE3069283
    assert tfrecord.masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def test_bytes_of_one_record():
    file = io.BytesIO()
    tfrecord.write(file, b"abc")
    length = struct.pack("<Q", 3)
    parts = [length, tfrecord.masked_crc(length).to_bytes(4, "little"), b"abc"]
    assert file.getvalue() == b"".join([*parts, tfrecord.masked_crc(b"abc").to_bytes(4, "little")])


def test_round_trip_in_order(tmp_path):
    path = write_file(tmp_path / "a.tfrecord", PAYLOADS)
    assert list(tfrecord.read(path)) == PAYLOADS


def test_index_over_several_files_one_of_them_empty(tmp_path):
    shards = [PAYLOADS[:2], [], PAYLOADS[2:]]
    paths = [write_file(tmp_path / f"{i}.tfrecord", shard) for i, shard in enumerate(shards)]
    with tfrecord.Index(paths, counts=[2, 0, 3]) as index:
        assert len(index) == 5
        assert [index[i] for i in (4, 0, 2, 3, 1)] == [PAYLOADS[i] for i in (4, 0, 2, 3, 1)]
        assert index.where(3) == f"{paths[2]} at byte 1016"
        for outside in (-1, 5):
            with pytest.raises(IndexError):
                index[outside]


def test_index_from_many_threads(tmp_path):
    payloads = [hashlib.sha256(str(i).encode()).digest() * (i % 50 + 1) for i in range(500)]
    paths = [write_file(tmp_path / f"{k}.tfrecord", payloads[k * 100 : k * 100 + 100]) for k in range(5)]
    with tfrecord.Index(paths) as index, ThreadPoolExecutor(8) as pool:
        order = [i * 37 % 500 for i in range(2000)]
        assert list(pool.map(index.__getitem__, order)) == [payloads[i] for i in order]


def test_index_keeps_reading_the_file_it_opened(tmp_path):
    path = write_file(tmp_path / "a.tfrecord", [b"old"])
    with tfrecord.Index([path]) as index:
        write_file(tmp_path / "b", [b"newer"]).replace(path)
        assert index[0] == b"old"


def test_index_closes_its_files(tmp_path):
    path = write_file(tmp_path / "a.tfrecord", [b"x"])
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else pytest.skip("needs /proc")  # noqa: PTH112, PTH208
    with tfrecord.Index([path, path]):
        pass
    with pytest.raises(UserError):
        tfrecord.Index([path, tmp_path / "missing"])
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize(
    "at, part", [(0, "header"), (7, "header"), (8, "header"), (12, "data"), (300, "data"), (1013, "data")]
)
def test_flipped_bit_is_found_and_named(tmp_path, at, part):
    path = write_file(tmp_path / "a.tfrecord", PAYLOADS)
    start = offset_of(PAYLOADS, 2)
    damaged = bytearray(path.read_bytes())
    damaged[start + at] ^= 4
    path.write_bytes(damaged)
    message = rf"{path} is damaged: the {part} of the record at byte {start} fails its checksum"
    reader = tfrecord.read(path)
    assert [next(reader), next(reader)] == PAYLOADS[:2]
    with pytest.raises(UserError, match=message):
        next(reader)
    if part == "header":
        with pytest.raises(UserError, match=message):
            tfrecord.Index([path])
    else:
        with tfrecord.Index([path]) as index:
            assert [index[i] for i in (0, 1, 3, 4)] == [PAYLOADS[i] for i in (0, 1, 3, 4)]
            with pytest.raises(UserError, match=message):
                index[2]


@pytest.mark.parametrize("lost", [1, 4, 5, 8, 10, 19])
def test_truncation_is_found_and_named(tmp_path, lost):
    path = write_file(tmp_path / "a.tfrecord", PAYLOADS)
    path.write_bytes(path.read_bytes()[:-lost])
    message = f"{path} is cut short: the record at byte {offset_of(PAYLOADS, 4)} "
    with pytest.raises(UserError, match=message):
        list(tfrecord.read(path))
    with pytest.raises(UserError, match=message):
        tfrecord.Index([path])


def test_file_cut_between_two_records_is_found_by_its_count(tmp_path):
    whole = write_file(tmp_path / "a.tfrecord", PAYLOADS)
    cut = write_file(tmp_path / "b.tfrecord", PAYLOADS[:3])
    with pytest.raises(UserError, match=f"{cut} holds 3 records but must hold 5") as error:
        tfrecord.Index([whole, cut], counts=[5, 5])
    assert str(whole) not in str(error.value)


def test_all_unreadable_files_are_named_at_once(tmp_path):
    missing, folder = tmp_path / "missing.tfrecord", tmp_path / "folder"
    folder.mkdir()
    cut = write_file(tmp_path / "cut.tfrecord", PAYLOADS)
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(UserError) as error:
        tfrecord.Index([missing, cut, folder])
    assert all(str(path) in str(error.value) for path in (missing, cut, folder))
    with pytest.raises(UserError, match=r"missing\.tfrecord cannot be read: No such file"):
        list(tfrecord.read(missing))


def test_no_record_at_all(tmp_path):
    empty = write_file(tmp_path / "empty.tfrecord", [])
    assert list(tfrecord.read(empty)) == []
    with pytest.raises(UserError, match=f"no record to read .*{empty}"):
        tfrecord.Index([empty])

"""Files of our own that are read back: damage is revealed, and what can be made anew is."""

import hashlib
import os

import pytest

from boxwright.core import hash_cache, kept
from boxwright.core.hash_cache import HashCache


@pytest.mark.parametrize("text", ["", "one line", "two\nlines", "ends with a line end\n", "# crc32 00000000", "ä\t\0"])
def test_what_is_written_comes_back(tmp_path, text):
    kept.write(tmp_path / "memory", text)
    assert kept.read(tmp_path / "memory") == text


def test_every_damage_is_revealed(tmp_path):
    path = tmp_path / "memory"
    kept.write(path, "a\tb\nc\td")
    data = path.read_bytes()
    damaged = [data[:length] for length in range(len(data))]
    damaged += [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in range(len(data))]
    for one in [*damaged, b"\0" * len(data), b"\xff\xfe", data + b"\n", data + data, b"# crc32 00000000\n"]:
        path.write_bytes(one)
        with pytest.raises(kept.DamagedError, match=r"its checksum is|it is not UTF-8|it is empty"):
            kept.read(path)
    with pytest.raises(FileNotFoundError):
        kept.read(tmp_path / "nothing")


def test_damaged_hashes_are_made_again(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    cache = HashCache(tmp_path / "hashes.txt")
    assert cache[path] == hashlib.sha256(b"1").hexdigest() and not cache.damage
    for damage in (b"", b"[]", b'{"x": 5}', (tmp_path / "hashes.txt").read_bytes()[:-1]):
        (tmp_path / "hashes.txt").write_bytes(damage)
        cache = HashCache(tmp_path / "hashes.txt")
        assert cache.damage and cache[path] == hashlib.sha256(b"1").hexdigest()
        assert not HashCache(tmp_path / "hashes.txt").damage


def test_hashes_are_remembered_while_the_file_stays_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    cache = tmp_path / "cache" / "hashes.txt"
    assert HashCache(cache)[path] == hashlib.sha256(b"1").hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(hash_cache, "sha256_file", lambda _: pytest.fail("hashed again"))
        assert HashCache(cache)[path] == hashlib.sha256(b"1").hexdigest()
    path.write_bytes(b"2")
    assert HashCache(cache)[path] == hashlib.sha256(b"2").hexdigest()


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    hashes = HashCache(tmp_path / "hashes.txt")
    first, times = hashes[path], path.stat()
    path.write_bytes(b"2")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert hashes[path] != first

"""Files that appear whole or not at all."""

import hashlib
import os

import pytest

from boxwright.core import files


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "down.txt"
    with files.writing(path, "w") as file:
        file.write("one\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["down.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ValueError), files.writing(path) as file:
        file.write(b"new and half")
        raise ValueError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_appears_whole(tmp_path):
    (tmp_path / "plan.tsv").write_bytes(bytes(range(256)) * 1000)
    files.copy(tmp_path / "plan.tsv", tmp_path / "deep/result.tsv")
    assert (tmp_path / "deep/result.tsv").read_bytes() == bytes(range(256)) * 1000
    with pytest.raises(FileNotFoundError):
        files.copy(tmp_path / "gone.tsv", tmp_path / "deep/result.tsv")
    assert (tmp_path / "deep/result.tsv").stat().st_size == 256_000


def test_equal_bytes_keep_the_files_time(tmp_path):
    path = tmp_path / "file"
    assert files.write_if_changed(path, b"same")
    os.utime(path, (1, 1))
    assert not files.write_if_changed(path, b"same")
    assert path.stat().st_mtime == 1
    assert files.write_if_changed(path, b"else")


def test_hashes_are_remembered_while_the_file_stays_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    cache = tmp_path / "cache" / "hashes.json"
    assert files.HashCache(cache)[path] == hashlib.sha256(b"1").hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(files, "sha256_file", lambda _: pytest.fail("hashed again"))
        assert files.HashCache(cache)[path] == hashlib.sha256(b"1").hexdigest()
    path.write_bytes(b"2")
    assert files.HashCache(cache)[path] == hashlib.sha256(b"2").hexdigest()


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"1")
    hashes = files.HashCache(tmp_path / "hashes.json")
    first, times = hashes[path], path.stat()
    path.write_bytes(b"2")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert hashes[path] != first

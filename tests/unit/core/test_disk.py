"""Whether a folder can be written to."""

import errno
import os
import re
from pathlib import Path

import pytest

from boxwright.core import disk
from boxwright.core.errors import UserError


def test_a_folder_that_is_there_or_can_be_made(tmp_path):
    assert disk.unwritable(tmp_path) is None and disk.unwritable(tmp_path / "a/b") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_access(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert disk.unwritable(tmp_path / "a/b") == tmp_path


@pytest.mark.parametrize(("number", "keeps"), [(errno.ENOENT, True), (errno.EROFS, True), (errno.ENOSPC, False)])
def test_a_file_system_that_allows_it_and_refuses_it(tmp_path, monkeypatch, number, keeps):
    """As /proc does. A full disk is another matter, with a message of its own."""

    def refuse(**named):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.tempfile, "mkdtemp", refuse)
    assert disk.unwritable(tmp_path / "a/b") == (tmp_path if keeps else None)
    assert disk.unwritable(tmp_path) is None  # nothing has to be made there


def test_a_place_for_a_new_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name in ("new", "new/deep", "empty", "empty/deep"):
        disk.require_new_folder(tmp_path / name)
    for name, said in (
        ("", "exists and is no empty folder"),
        ("file", "exists and is no empty folder"),
        ("file/deep/er", f"cannot be a folder: {tmp_path / 'file'} is a file"),
        ("x" * 256, "its name is too long"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            disk.require_new_folder(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("closed", ["", "here"])
def test_an_empty_folder_that_cannot_be_replaced_is_no_place(tmp_path, monkeypatch, closed):
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(disk.os, "access", lambda path, _: Path(path) != tmp_path / closed)
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / closed} allows no new file")):
        disk.require_new_folder(tmp_path / "here")


def test_a_place_for_a_new_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for name in ("new.yaml", "new/deep.yaml", "file"):
        disk.require_new_file(tmp_path / name)
    for name, said in (
        ("", "is a folder. Name the file to write, such as"),
        ("file/new.yaml", f"cannot be a file: {tmp_path / 'file'} is a file"),
        (f"{'x' * 252}.yaml", "its name is too long"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            disk.require_new_file(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here")
def test_a_place_that_allows_it_and_refuses_it():
    for check in (disk.require_new_folder, disk.require_new_file):
        with pytest.raises(UserError, match=r"/proc/here cannot be written: /proc allows no new file"):
            check("/proc/here")

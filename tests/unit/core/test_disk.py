"""Whether a folder can be written to."""

import errno
import os

import pytest

from boxwright.core import disk


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

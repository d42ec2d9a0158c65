"""Locks of files, also as Windows has them."""

import os
import subprocess
import sys
import threading

import pytest

from boxwright.core import file_lock

HOLD = (
    "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.{}); print('held', flush=True); input()"
)


@pytest.fixture
def held(tmp_path):
    """A function that lets another process hold a lock, and returns the process."""
    started = []

    def hold(path, kind="LOCK_EX"):
        command = [sys.executable, "-c", HOLD.format(kind), str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(file_lock.fcntl is None, reason="needs the locks of Unix")
def test_what_another_process_holds_is_not_ours(tmp_path, held):
    path = tmp_path / "lock"
    process = held(path)
    with path.open("a") as file:
        assert file_lock.lock(file) is False and file_lock.lock(file.fileno(), shared=True) is False
        threading.Timer(0.3, process.kill).start()
        assert file_lock.lock(file, wait=True) is True


@pytest.mark.skipif(file_lock.fcntl is None, reason="needs the locks of Unix")
def test_several_may_read(tmp_path, held):
    path = tmp_path / "lock"
    held(path, "LOCK_SH")
    with path.open("a") as file:
        assert file_lock.lock(file, shared=True) is True
        assert file_lock.lock(file) is False


class Windows:
    """The part of msvcrt that matters: one byte of a file is locked by one process."""

    LK_NBLCK = 2

    def __init__(self):
        self.held = {}

    def locking(self, descriptor, mode, count):
        assert (mode, count) == (self.LK_NBLCK, 1)
        key = os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR)
        if self.held.setdefault(key, descriptor) != descriptor:
            raise PermissionError(13, "Permission denied")


def test_on_windows_a_byte_behind_the_end_is_locked(tmp_path, monkeypatch):
    windows = Windows()
    monkeypatch.setattr(file_lock, "fcntl", None)
    monkeypatch.setattr(file_lock, "msvcrt", windows)
    path = tmp_path / "lock"
    path.write_text("who holds it")
    with path.open("r+") as one, path.open("r+") as other:
        assert file_lock.lock(one) is True and file_lock.lock(one) is True
        assert file_lock.lock(other) is False
        assert other.read() == "who holds it"  # the content stays readable, from where the file was
        ((_, place),) = windows.held
        assert place == 2**40 and path.stat().st_size == 12


def test_where_files_cannot_be_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(file_lock, "fcntl", None)
    monkeypatch.setattr(file_lock, "msvcrt", None)
    with (tmp_path / "lock").open("a") as file:
        assert file_lock.lock(file) is None

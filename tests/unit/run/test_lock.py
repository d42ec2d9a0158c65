"""A lock that ends with the process that holds it, whatever ends that."""

import subprocess
import sys

import pytest

from boxwright.run import lock

HOLD = "import sys, time; from boxwright.run import lock; print(lock.take(), flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lock, "_held", [])


def test_one_holder_at_a_time_and_none_after_a_kill(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "True\n"
        note = tmp_path / ".snakemake/locks/0.output.lock"
        note.parent.mkdir()
        note.write_text("results/data/label_map.pbtxt\n")
        assert lock.is_taken()
        assert not lock.take()
        assert note.exists()
    finally:
        other.kill()
        other.wait()
    assert not lock.is_taken()
    assert lock.take()
    assert not lock.is_taken()  # by another
    assert not note.exists()


def test_a_folder_that_cannot_be_written_to_is_left_to_snakemake(tmp_path):
    (tmp_path / ".snakemake").write_text("not a folder")
    assert not lock.take()

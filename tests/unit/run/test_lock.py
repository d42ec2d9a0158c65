"""One run at a time on a results folder: a lock that ends with its holder, and what is known of holders elsewhere."""

import errno
import fcntl
import json
import os
import subprocess
import sys

import pytest

from boxwright.core.errors import UserError
from boxwright.run import lock

HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from boxwright.run import lock
lock.take(sys.argv[2])
print("taken", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lock, "_held", {})
    monkeypatch.setattr(lock, "_PAUSE_S", 0.01)
    yield
    lock.release("results")


@pytest.fixture
def other(tmp_path):
    """Another process, started in another folder, that holds the lock."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    library = str(lock.Path(lock.__file__).parents[2])
    command = [sys.executable, "-c", HOLD, library, str(tmp_path / "results")]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "taken\n"
    yield process
    process.kill()
    process.wait()


def note(**changes):
    """What the lock's file says."""
    found = lock._here()._asdict() | changes
    lock.Path("results").mkdir(exist_ok=True)
    lock.Path("results/.lock").write_text(json.dumps(found))


def test_one_holder_at_a_time_and_none_after_a_kill(other, tmp_path):
    assert lock.at_work("results").startswith(f"A run is going on in results: process {other.pid} on ")
    for refuses in (lock.take, lock.forget):
        with pytest.raises(UserError) as error:
            refuses("results")
        assert str(error.value).startswith("Another run works on the results in results: process ")
        assert f"process {other.pid} on {lock._here().host}, started 20" in str(error.value)
        assert f"in {tmp_path / 'elsewhere'}" in str(error.value)
    lock.take("other_results")
    other.kill()
    other.wait()
    assert not lock.at_work("results")
    lock.take("results")
    assert not lock.at_work(tmp_path / "results")  # by another
    lock.release("results")
    lock.release("other_results")
    assert lock.Path("results/.lock").read_text() == ""


def test_somebody_who_only_asks_refuses_nobody(monkeypatch):
    lock.take("results")
    lock.release("results")
    with lock.Path("results/.lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not lock.at_work("results")
        monkeypatch.setattr(lock.time, "sleep", lambda seconds: fcntl.flock(asking, fcntl.LOCK_UN))
        lock.take("results")


def test_only_lists_of_these_results_are_removed(tmp_path):
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    lists = {"0": "my.yaml\nresults/data/label_map.pbtxt", "1": "other/data/a", "2": f"{tmp_path}/results/a", "3": ""}
    for name, text in lists.items():
        (locks / f"{name}.output.lock").write_text(text + "\n")
    lock.take("results")
    assert sorted(path.name[0] for path in locks.iterdir()) == ["1", "3"]


def test_a_run_on_another_machine_that_did_not_say_that_it_ended():
    note(host="node7", boot="another", process=4711, started="2026-01-02 03:04:05+00:00", folder="/home/me")
    assert lock.at_work("results").startswith("A run may be going on in results: process 4711 on node7, ")
    with pytest.raises(UserError) as error:
        lock.take("results")
    assert (
        "may still work on the results in results: process 4711 on node7, started 2026-01-02 03:04:05+00:00 in /home/me"
        in str(error.value)
    )
    assert "with `--unlock`, then again without" in str(error.value)
    lock.forget("results")
    lock.take("results")


@pytest.mark.parametrize("changes", [{"host": "container"}, {"boot": "before the power cut"}, {"process": 2**40}])
def test_a_run_of_this_machine_that_was_killed_is_in_nobodys_way(changes):
    """Another container of this system, this machine before it was started again, a process that is gone."""
    note(**changes)
    assert not lock.at_work("results")
    lock.take("results")


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ({}, False),
        ({"process": 2**22 + 1}, True),
        ({"process": 2**80}, False),
        ({"boot": "before the power cut"}, True),
        ({"host": "container"}, False),
        ({"host": "node7", "boot": "another"}, False),
    ],
)
def test_without_locks_of_the_file_system_the_note_decides(monkeypatch, changes, free):
    def none(file, kind):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    note(**changes)
    assert bool(lock.at_work("results")) != free
    if free:
        lock.take("results")
    else:
        with pytest.raises(UserError, match="--unlock"):
            lock.take("results")
        lock.forget("results")
        lock.take("results")


@pytest.mark.parametrize("damage", ["{", "[]", '{"host": 5}', "\0", "5"])
def test_a_damaged_note_is_none(damage):
    note()
    lock.Path("results/.lock").write_text(damage)
    assert not lock.at_work("results")
    lock.take("results")


def test_results_that_cannot_be_written_to_have_no_lock(tmp_path):
    (tmp_path / "results").write_text("not a folder")
    lock.take("results")
    assert not lock.at_work("results")
    lock.forget("results")


def test_on_windows_no_process_is_asked_whether_it_lives(monkeypatch):
    assert lock._lives(os.getpid()) and not lock._lives(2**22 + 1)
    sent = []
    monkeypatch.setattr(lock.os, "kill", lambda *signal: sent.append(signal))
    monkeypatch.setattr(lock, "_WINDOWS", True)
    assert lock._lives(2**22 + 1) and not sent

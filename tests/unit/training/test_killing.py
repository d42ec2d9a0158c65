"""A training process that is really killed, at moments that nobody chose, ends with the bits of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STEPS = 600
HERE = Path(__file__).parent


def start(folder: Path, records: list[Path]) -> subprocess.Popen:
    command = [sys.executable, str(HERE / "train_process.py"), str(folder), str(STEPS), *map(str, records)]
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def checkpoint_bytes(folder: Path) -> bytes:
    prefix = folder / f"model.ckpt-{STEPS}"
    return prefix.with_name(prefix.name + ".index").read_bytes() + (
        prefix.with_name(prefix.name + ".data-00000-of-00001").read_bytes()
    )


def wait_for_autosave(folder: Path, process: subprocess.Popen, seen: bytes) -> bytes:
    """Wait until the process has saved something new, or has ended."""
    note = folder / "autosave/autosave.json"
    while process.poll() is None:
        if note.exists() and note.read_bytes() != seen:
            return note.read_bytes()
        time.sleep(0.005)
    return seen


@pytest.mark.slow
def test_kill_at_random_moments(records, tmp_path):
    whole = start(tmp_path / "whole", records)
    assert whole.wait(timeout=300) == 0
    folder, rng, seen, kills = tmp_path / "killed", random.Random(0), b"", 0
    for _ in range(40):
        process = start(folder, records)
        seen = wait_for_autosave(folder, process, seen)
        # Some of these moments are in the middle of writing a checkpoint.
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        if process.wait() == 0:
            break
        kills += 1
        assert not list(folder.glob("model.ckpt-*.index"))
        if kills == 6:
            assert start(folder, records).wait(timeout=300) == 0
            break
    assert kills > 1
    assert checkpoint_bytes(folder) == checkpoint_bytes(tmp_path / "whole")
    assert not list(folder.glob("**/.*tmp*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_stops_soon(records, tmp_path, number):
    process = start(tmp_path / "run", records)
    wait_for_autosave(tmp_path / "run", process, b"")
    asked = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    assert process.returncode != 0
    assert f"stopped by {number.name}: saved at step" in said
    assert start(tmp_path / "run", records).wait(timeout=300) == 0

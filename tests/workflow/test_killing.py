"""`kill -9` at 20 moments, of the training alone and of Snakemake with all its children; then the same command.

Prints its figures with `pytest -s`. The moments come from a seeded generator; every fourth is one at which a checkpoint
is being written.
"""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from tensorboard.compat.proto.event_pb2 import Event

from boxwright import tfrecord
from boxwright.core.errors import UserError
from tests.workflow.conftest import Project, new_project, small_model

KILLS = 20
STEPS, SEGMENT, SAVE_EVERY_S = 450, 150, 0.5
TARGET = "results/models/small/choice.json"


def projects(folder: Path) -> tuple[Project, Project]:
    whole = new_project(folder / "whole")
    whole.config["models"]["small"] = small_model(
        num_steps=STEPS, checkpoint_every=SEGMENT, save_every_s=SAVE_EVERY_S, tf_threads=1
    )
    whole.write_config()
    return whole, whole.copy(folder / "killed")


def final(project: Project) -> dict[str, bytes]:
    model = project / "results/models/small"
    files = [*model.glob(f"train/model.ckpt-{STEPS}.*"), *model.glob("eval/*/metrics.json")]
    return {str(path.relative_to(model)): path.read_bytes() for path in files}


def processes(run: subprocess.Popen, script: str = "") -> list[psutil.Process]:
    """The run's processes; with `script` those that work on it."""
    try:
        top = psutil.Process(run.pid)
        found = [top, *top.children(recursive=True)]
        return [process for process in found if script in " ".join(process.cmdline())]
    except psutil.NoSuchProcess:
        return []


def wait_for(run: subprocess.Popen, condition: Callable, seconds: float = 120.0) -> None:
    """Wait until the condition comes true, the time is over, or the run has ended."""
    end = time.monotonic() + seconds
    while run.poll() is None and time.monotonic() < end and not condition():
        time.sleep(0.002)


def writes_checkpoint(train: Path) -> bool:
    return any(train.glob("**/.model.ckpt-*.tmp*"))


def training(run: subprocess.Popen) -> list[psutil.Process]:
    return processes(run, ".train_segment.py")


def kill(victims: list[psutil.Process]) -> None:
    for process in victims:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def times_of_steps(events: Path) -> Iterator[tuple[int, float]]:
    """Step and wall-clock time of everything that was logged, up to where a kill cut it."""
    try:
        for record in tfrecord.read(events):
            event = Event.FromString(record)
            if event.step:
                yield event.step, event.wall_time
    except UserError:
        return


def repeated(train: Path, saved: int) -> tuple[int, float]:
    """Steps and seconds that were logged after the state at step `saved`, which the next attempt continues.

    The seconds leave out the first step after it, which waited for the save, and the last one.
    """
    events = max(train.glob("events.out.tfevents.*"), default=None)
    logged = [(step, when) for step, when in times_of_steps(events) if step > saved] if events else []
    if not logged:
        return 0, 0.0
    assert all(later >= earlier for (_, earlier), (_, later) in pairwise(logged))
    inner = [when for _, when in logged[:-1]]
    return logged[-1][0] - saved, inner[-1] - inner[0] if inner else 0.0


def saved_step(train: Path) -> int:
    """The step that the next attempt continues: that of the autosave, or of the last finished checkpoint."""
    finished = [int(path.stem.rpartition("-")[2]) for path in train.glob("model.ckpt-*.index")]
    notes = [json.loads(path.read_text())["step"] for path in train.glob("autosave/autosave.json")]
    return max([0, *finished, *notes])


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    whole, killed = projects(tmp_path)
    start = time.monotonic()
    whole.snakemake(TARGET)
    undisturbed = time.monotonic() - start
    train = killed / "results/models/small/train"
    rng, kills, while_writing, losses = random.Random(0), {"training": 0, "all": 0}, 0, []
    start = time.monotonic()
    while sum(kills.values()) < KILLS:
        number = sum(kills.values())
        victim = ("training", "all")[number % 2]
        with (tmp_path / "said.txt").open("w") as said:
            run = subprocess.Popen(killed.command(TARGET), cwd=killed.folder, stdout=said, stderr=subprocess.STDOUT)
        if number % 4 >= 2:
            wait_for(run, lambda: writes_checkpoint(train))
        else:
            wait_for(run, partial(training, run) if victim == "training" else lambda: True)
            wait_for(run, lambda: False, seconds=rng.uniform(0, 12))
        if run.poll() is not None:
            # It came to its end first: let it have something to do again, with no steps of this attempt to count then.
            assert run.wait() == 0, (tmp_path / "said.txt").read_text()
            (train / f"model.ckpt-{STEPS}.index").unlink()
            max(train.glob("events.out.tfevents.*")).unlink()
            continue
        victims = training(run) if victim == "training" else processes(run)
        writing = writes_checkpoint(train)
        kill(victims)
        run.wait(timeout=600)
        kills[victim] += bool(victims)
        while_writing += writing and bool(victims)
        losses.append(repeated(train, saved_step(train)))
    tried = time.monotonic() - start
    killed.snakemake(TARGET)
    assert final(killed) == final(whole) != {}
    assert not list((killed / "results").rglob("*.tmp*"))
    assert while_writing >= KILLS // 4
    steps, seconds = (max(figures) for figures in zip(*losses, strict=True))
    print(
        f"\n{kills['training']} kills of the training and {kills['all']} of Snakemake with all its children, "
        f"{while_writing} of them while a checkpoint was written, in {tried:.0f} s ({undisturbed:.0f} s undisturbed): "
        f"the same checkpoint to the bit, at most {steps} steps and {seconds:.2f} s repeated each time "
        f"(saved every {SAVE_EVERY_S} s)"
    )
    assert seconds <= SAVE_EVERY_S

"""Workers that Slurm starts share a training."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from boxwright.checkpoints import checkpoint_files
from boxwright.detector.build import build
from boxwright.training import segment, state
from tests.cluster import slurm
from tests.cluster.train_together import small_ssd
from tests.unit.training.training_data import write_records
from tests.workflow.conftest import ROOT

pytestmark = pytest.mark.slow


def write_start(prefix: Path) -> None:
    """A checkpoint of step 0 whose network is nearly linear, so that roundings stay as small as they are."""
    config = small_ssd()
    detector = build(config.model, 0)
    random = np.random.default_rng(2)
    for name, variable in detector.variables.items():
        if name.endswith("/beta"):
            variable.assign(random.normal(2.5, 0.3, variable.shape).astype(np.float32))
    trained = {name: detector.variables[name] for name in detector.trainable}
    optimizer = segment.build_optimizer(config.train_config.optimizer, trained)
    state.save(prefix, {**detector.variables, **optimizer.state}, 0)


def train(cluster: slurm.Slurm, folder: Path, tasks: int, records: list[Path]) -> list[dict]:
    """The log of a training by so many workers."""
    folder.mkdir()
    environment = {**cluster.environment, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "workflow")])}
    command = [sys.executable, str(ROOT / "tests/cluster/train_together.py"), str(folder.parent / "start")]
    command += [str(folder), str(tasks), *map(str, records)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_two_workers_train_as_one_process(cluster, tmp_path):
    records = write_records(tmp_path, count=11, shards=2)
    write_start(tmp_path / "start")
    alone = train(cluster, tmp_path / "alone", 1, records)
    together = train(cluster, tmp_path / "together", 2, records)
    assert [entry["step"] for entry in together] == [entry["step"] for entry in alone] == [1, 2, 3]
    for tag, value in alone[0].items():
        if tag.startswith("Loss/"):
            assert together[0][tag] == pytest.approx(value, rel=1e-5), tag
    one, other = (
        checkpoint_files.read(tmp_path / name / "train/model.ckpt-3").shapes for name in ("alone", "together")
    )
    assert one == other
    assert not (tmp_path / "together/train/autosave").exists()
    assert any(job["NumTasks"] == "2" for job in cluster.jobs())

"""Damaged results and a full disk, as somebody meets them who only sees Snakemake's terminal."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, new_project

MODEL = "results/models/small"
TRAIN_LOG = f"{MODEL}/train/log.jsonl"


def flip_bits(path: Path) -> None:
    """One in every 4 kB: so in every record, since a short training does not use them all."""
    data = bytearray(path.read_bytes())
    for position in range(len(data) // 2 % 4096, len(data), 4096):
        data[position] ^= 4
    path.write_bytes(data)


def start_over(project: Project) -> None:
    project.config["models"]["small"]["seed"] = 1


def train_the_last_segment_again(project: Project) -> None:
    (project / MODEL / "train/model.ckpt-6.index").unlink()


def predict_again(project: Project) -> None:
    project.config["predict"] = {"line_thickness": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damaged", "change", "target"),
    [
        ("results/data/label_map.pbtxt", start_over, TRAIN_LOG),
        ("results/data/train-00001-of-00002.tfrecord", start_over, TRAIN_LOG),
        (f"{MODEL}/train/model.ckpt-3.data-00000-of-00001", train_the_last_segment_again, TRAIN_LOG),
        (f"{MODEL}/train/model.ckpt-3.index", train_the_last_segment_again, TRAIN_LOG),
        (f"{MODEL}/fine_tuned_model/frozen_inference_graph.pb", predict_again, f"{MODEL}/predictions"),
    ],
)
def test_flipped_bits_are_found_before_use(finished, tmp_path, damaged, change, target):
    project = finished.copy(tmp_path / "project")
    flip_bits(project / damaged)
    change(project)
    outcome = project.snakemake(target, code=1)
    said = " ".join(outcome.text.split())
    name = damaged.removesuffix(".data-00000-of-00001")
    assert name in said and "is damaged" in said and "Traceback" not in said
    # What it says to do helps.
    (project / damaged).unlink()
    project.snakemake(target)


def contents(folder: Path) -> dict[Path, bytes]:
    """All that is finished: no logs, and nothing that a running training keeps up to date."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    busy = ("logs", "benchmarks", "autosave", "plan", ".checksums")
    return {
        path: path.read_bytes()
        for path in found
        if not any(part in busy for part in path.parts) and "events" not in path.name
    }


@pytest.mark.slow
def test_a_disk_that_fills_up_and_is_enlarged(small_disk, tmp_path):
    results = small_disk(tmp_path / "project/results", 3 * 2**20)
    project = new_project(results.parent)

    def fails_for_want_of_room(target: str, needs: str) -> None:
        before = contents(results)
        outcome = project.snakemake(target, code=1)
        said = " ".join(outcome.text.split())
        assert f"The disk is full: {needs}" in said and "bytes are free" in said and "Traceback" not in said
        after = contents(results)
        assert {path: after.get(path) for path in before} == before
        assert not [path for path in after if path.suffix == ".tmp"]

    def enlarge(size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(results)], check=True)

    project.snakemake("results/data/train-00000-of-00002.tfrecord", "results/data/train-00001-of-00002.tfrecord")
    room = os.statvfs(results)
    (results / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - 16384))
    fails_for_want_of_room("results/data/eval-00000-of-00001.tfrecord", "results/data/eval-00000-of-00001.tfrecord")
    (results / "ballast").unlink()
    fails_for_want_of_room(TRAIN_LOG, f"{MODEL}/train/model.ckpt-3 needs ")
    enlarge(200_000_000)
    project.snakemake(f"{MODEL}/choice.json")
    used = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    enlarge(used + 1_500_000)
    exported = f"{MODEL}/fine_tuned_model/export.json"
    fails_for_want_of_room(exported, f"{MODEL}/fine_tuned_model needs more than")
    enlarge(200_000_000)
    project.snakemake(exported)

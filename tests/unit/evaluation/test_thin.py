"""Which checkpoints `keep` removes, and that they vanish whole."""

import json
import random

import pytest

from boxwright.evaluation import choose, thin

MAP = "DetectionBoxes_Precision/mAP@.50IOU"
VALUES = {100: 0.1, 200: 0.4, 300: 0.4, 400: 0.3, 500: None, 600: 0.2}


def keep(best=1, last=1, every=None):
    return {"best": best, "last": last, "every": every}


@pytest.mark.parametrize(
    ("settings", "checkpoint", "stay"),
    [
        (keep(), "best", {200, 600}),  # the earliest of equals, as in the choice
        (keep(best=2), "best", {200, 300, 600}),
        (keep(best=9), "best", {100, 200, 300, 400, 600}),
        (keep(best=0), "best", {200, 600}),  # what is exported stays
        (keep(best=0), "last", {600}),
        (keep(best=0, last=2), "last", {500, 600}),
        (keep(best=0), 300, {300, 600}),
        (keep(best=0), 900, {600}),  # not measured yet
        (keep(best=0, every=200), "last", {200, 400, 600}),
    ],
)
def test_what_stays(settings, checkpoint, stay):
    assert thin.kept(VALUES, settings, checkpoint) == stay


def test_all_stay_while_the_metric_is_undefined():
    assert thin.kept({100: None, 200: None}, keep(), "best") == {100, 200}


def test_what_is_removed_early_would_not_stay_later_and_is_never_chosen():
    random.seed(1)
    for _ in range(200):
        values = {step: random.choice([None, random.randrange(5) / 5]) for step in range(1, random.randrange(3, 12))}
        values[1] = 0.0
        settings = keep(random.randrange(3), random.randrange(1, 3), random.choice([None, 2, 3]))
        gone = set()
        for last in values:
            some = {step: value for step, value in values.items() if step <= last}
            stay = thin.kept(some, settings, "best")
            assert not stay & gone
            gone |= some.keys() - stay
        found = [{"model": "m", "step": s, "metrics": {MAP: v}, "undefined": {}} for s, v in values.items()]
        assert choose.choose(found, "best", MAP)["step"] not in gone


@pytest.fixture
def finished(tmp_path):
    """The metrics and the checkpoints of three steps."""
    metrics = []
    for step, value in {1: 0.2, 2: 0.1, 3: 0.0}.items():
        for part in (f"model.ckpt-{step}.index", f"model.ckpt-{step}.data-00000-of-00001", f"model.ckpt-{step}0.index"):
            path = tmp_path / "train" / part
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"12345")
        metrics.append(tmp_path / f"{step}.json")
        metrics[-1].write_text(json.dumps({"step": step, "metrics": {MAP: value}}))
    return tmp_path, metrics


def names(folder):
    return {path.name for path in (folder / "train").iterdir()}


def test_files_vanish_in_pairs_and_others_stay(finished):
    folder, metrics = finished
    before = names(folder)
    decided = thin.run(metrics, folder / "train", keep(), "best", MAP, folder / "kept.json")
    assert before - names(folder) == {"model.ckpt-2.index", "model.ckpt-2.data-00000-of-00001"}
    assert decided == {"step": 3, "kept": [1, 3], "removed": [2], "freed": 10}
    assert json.loads((folder / "kept.json").read_text()) == {"step": 3, "kept": [1, 3], "removed": [2]}


def test_a_removal_that_was_interrupted_is_ended(finished):
    folder, metrics = finished
    (folder / "train/model.ckpt-2.index").unlink()
    decided = thin.run(metrics, folder / "train", keep(), "best", MAP, folder / "kept.json")
    assert "model.ckpt-2.data-00000-of-00001" not in names(folder) and decided["removed"] == [2]
    assert thin.run(metrics, folder / "train", keep(), "best", MAP, folder / "kept.json")["freed"] == 0


def test_further_exported_steps_stay():
    values = {step: 1.0 - step / 1000 for step in (100, 200, 300, 400)}
    keep = {"best": 1, "last": 1, "every": None}
    assert thin.kept(values, keep, "best") == {100, 400}
    assert thin.kept(values, keep, "best", [300, 900]) == {100, 300, 400}

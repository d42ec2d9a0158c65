"""Checkpoints that are gone: when they are needed again, and that none of them is chosen."""

import json
from types import SimpleNamespace

import pytest

from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.run import restarts, thinned

MAP, OTHER = "DetectionBoxes_Precision/mAP@.50IOU", "DetectionBoxes_Precision/mAP"
STEPS = [2, 4, 6, 8]
VALUES = {2: (0.1, 0.9), 4: (0.5, 0.2), 6: (0.3, 0.3), 8: (0.2, 0.1)}
KEEP = {"best": 1, "last": 1, "every": None}


class Run:
    """A model whose four checkpoints were trained and measured; step 4 was exported."""

    def __init__(self, folder):
        self.training, self.evaluation = {"seed": 0}, {"training": "t", "data": "e"}
        self.keep, self.export = None, {"checkpoint": "best", "metric": MAP}
        self.steps, self.judged = list(STEPS), []
        self.stopping = {"metric": MAP, "patience": 1, "min_delta": 0}
        self.results = folder / "results"
        self.model = self.results / "models/m"
        for step in STEPS:
            self.finish(step)
        self.write(self.model / "choice.json", {"step": 4, "metric": MAP})

    def write(self, path, content, made_with=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        if made_with:
            Checksums(self.results).write([path], made_with={"identity": made_with})

    def finish(self, step):
        for path in self.checkpoint(step):
            self.write(path, step, self.training)
        self.write(self.model / f"train/log/{step}.jsonl", {"step": step - 1})
        metrics = dict(zip((MAP, OTHER), VALUES[step], strict=True))
        content = {"model": "m", "step": step, "metrics": metrics, "undefined": {}}
        for name in ("metrics.json", "analysis.json", "detections.json"):
            self.write(self.model / f"eval/{step}/{name}", content, self.evaluation)

    def checkpoint(self, step):
        prefix = f"model.ckpt-{step}"
        return [self.model / f"train/{prefix}{end}" for end in (".index", ".data-00000-of-00001")]

    def delete(self, *steps):
        for step in steps:
            for path in self.checkpoint(step):
                path.unlink()

    @property
    def plan(self):
        return SimpleNamespace(
            results=str(self.results),
            models=["m"],
            settings={"export": self.export},
            model=lambda name: {"keep": self.keep},
            shown=lambda name: name,
            steps=lambda name: self.steps,
            early_stopping=lambda name: self.stopping,
            steps_to_judge=lambda name: self.judged,
            checkpoint=lambda name, step: list(map(str, self.checkpoint(step))),
        )

    def look(self, on_disk=True):
        identities = SimpleNamespace(
            train_segment=lambda name: self.training, evaluate_checkpoint=lambda name: self.evaluation
        )
        return thinned.of_all(self.plan, identities, on_disk)

    def said(self):
        found = self.look()["m"]
        lines = list(restarts.of_gone(self.plan, "m", found, Checksums(self.results), self.training))
        return " ".join(lines)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


@pytest.fixture(params=[None, KEEP], ids=["by hand", "by keep"])
def keep(request, run):
    run.keep = request.param
    return run.keep


def test_what_is_there_is_not_gone(run, keep):
    found = run.look()["m"]
    assert not found.gone and not found.paths() and not found.mistake()


def test_a_measured_checkpoint_is_dispensable(run, keep):
    run.delete(2, 8)
    found = run.look()["m"]
    assert found.gone == found.dispensable == {2, 8} and not found.left_out
    assert found.paths() == {str(path) for step in (2, 8) for path in run.checkpoint(step)}
    thinned.check(run.look())
    said = "the checkpoints at steps 2 and 8 are gone. Measured checkpoints that are not exported may go"
    assert run.said().startswith(said) if not keep else run.said() == ""
    assert "needed again" not in run.said()


def test_the_exported_one_is_not(run, keep):
    run.delete(4)
    found = run.look()["m"]
    assert found.gone == {4} and not found.dispensable
    thinned.check(run.look())  # it is made again, like any other result
    assert "the checkpoint at step 4 is gone and needed again" in run.said()


def test_half_a_checkpoint_is_damaged_unless_it_was_being_removed(run, keep):
    for step in (2, 4, 8):
        run.checkpoint(step)[0].unlink()
    assert run.look()["m"].gone == ({2} if keep else set())


def test_the_data_alone_is_damage(run, keep):
    run.checkpoint(2)[1].unlink()
    assert not run.look()["m"].gone


def test_a_checkpoint_of_another_training_is_no_concern(run, keep):
    run.delete(2)
    run.training = {"seed": 1}
    found = run.look()["m"]
    assert not found.gone and found.paths() == {str(path) for path in run.checkpoint(2)}


@pytest.mark.parametrize("lost", ["metrics.json", "analysis.json", "detections.json"])
def test_a_measurement_that_is_lost(run, keep, lost):
    run.delete(2, 6)
    (run.model / "eval/6" / lost).unlink()
    found = run.look()["m"]
    assert found.dispensable == ({2, 6} if keep else {2})
    assert found.left_out == ({6} if keep else set())
    words = "the comparison is without" if keep else "the checkpoint at step 6 is gone and needed again"
    assert words in run.said()


def test_another_evaluation(run, keep):
    run.delete(2, 6)
    run.evaluation = run.evaluation | {"data": "other"}
    found = run.look()["m"]
    assert found.left_out == found.dispensable == ({2, 6} if keep else set())
    assert found.chosen == 4 and not found.mistake()


def test_a_measurement_that_is_made_again_leaves_the_choice_as_it_is(run, keep):
    run.delete(2, 6)
    (run.model / "eval/4/metrics.json").unlink()
    found = run.look()["m"]
    assert found.chosen == 4 and found.dispensable == {2, 6} and not found.mistake()


def test_all_are_not_left_out(run):
    run.keep = KEEP
    run.delete(*STEPS)
    run.evaluation = run.evaluation | {"data": "other"}
    assert not run.look()["m"].left_out and not run.look()["m"].dispensable


def test_one_that_was_never_measured_is_needed(run, keep):
    run.delete(8)
    for path in (run.model / "eval/8").iterdir():
        path.unlink()
    for path in (run.results / ".checksums/models/m/eval/8").iterdir():
        path.unlink()
    found = run.look()["m"]
    assert found.gone == {8} and not found.dispensable and not found.left_out


def test_another_metric_that_chooses_one_that_is_gone(run, keep):
    run.delete(2)
    run.export = {"checkpoint": "best", "metric": OTHER}
    with pytest.raises(UserError) as caught:
        thinned.check(run.look())
    text = str(caught.value)
    assert f"models.m: `export.metric` is {OTHER}, which chooses the checkpoint at step 2. It is gone" in text
    assert ("`keep` removed it" in text) == bool(keep)
    assert f"set `export.metric` back to {MAP}, which chose step 4" in text
    assert "set `export.checkpoint` to a step that is there (4, 6, 8)" in text
    assert f"set `models.m.keep: null` and delete {run.model}/eval/2" in text
    # What it says to do helps.
    run.export = {"checkpoint": 6, "metric": OTHER}
    thinned.check(run.look())
    run.export, run.keep = {"checkpoint": "best", "metric": OTHER}, None
    for path in (run.model / "eval/2").iterdir():
        path.unlink()
    thinned.check(run.look())
    assert "the checkpoint at step 2 is gone and needed again" in run.said()


@pytest.mark.parametrize(("checkpoint", "step"), [("last", 8), (6, 6)])
def test_a_given_checkpoint_that_is_gone(run, keep, checkpoint, step):
    run.delete(step)
    run.export = {"checkpoint": checkpoint, "metric": MAP}
    with pytest.raises(UserError, match=rf"`export\.checkpoint` is {checkpoint}, which chooses .* step {step}\."):
        thinned.check(run.look())
    run.keep = None
    for path in (run.model / f"eval/{step}").iterdir():
        path.unlink()
    thinned.check(run.look())


def test_a_training_that_goes_on_needs_the_last_one(run, keep):
    run.delete(2, 6, 8)
    run.steps = [*STEPS, 10]
    assert "the checkpoints at steps 6 and 8 are gone and needed again" in run.said()


def test_a_training_that_was_stopped_does_not_go_on(run, keep):
    run.delete(2, 8)
    run.steps, run.judged = [*STEPS, 10, 12], [2, 4, 6, 8]
    assert run.look()["m"].reached == STEPS and "needed again" not in run.said()


def test_early_stopping_that_ends_before_what_was_chosen(run, keep):
    run.delete(2, 4)
    run.judged, run.stopping = [2, 4], {"metric": OTHER, "patience": 1, "min_delta": 0}
    assert run.look()["m"].reached == [2, 4, 6]
    assert not run.look()["m"].mistake()  # step 4 was exported, so it is made again
    run.write(run.model / "choice.json", {"step": 6, "metric": MAP})
    told = run.look()["m"].mistake()
    assert "chooses the checkpoint at step 4. It is gone" in told and "back to" not in told
    assert "to a step that is there (6)" in told  # and not 8, which is not reached


def test_an_object_store_has_no_files_to_remove(run):
    run.delete(*STEPS)
    thinned.check(run.look(on_disk=False))
    run.keep = KEEP
    with pytest.raises(UserError, match=r"models\.m\.keep removes checkpoints from a file system"):
        thinned.check(run.look(on_disk=False))

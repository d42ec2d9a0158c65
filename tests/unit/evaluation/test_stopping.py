"""Early stopping: patience counted by hand."""

import json

import pytest

from boxwright.core.errors import UserError
from boxwright.evaluation import stopping

MAP = "DetectionBoxes_Precision/mAP@.50IOU"


def evaluations(*values, undefined=None):
    return [
        {"model": "m", "step": 100 * number, "metrics": {MAP: value}, "undefined": undefined or {}}
        for number, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "go_on", "best_step"),
    [
        ([0.0], 1, 0, True, 100),
        ([0.1, 0.2], 1, 0, True, 200),
        ([0.1, 0.2, 0.2], 1, 0, False, 200),  # equal is not better, and the earlier step stays the best
        ([0.1, 0.2, 0.1], 2, 0, True, 200),
        ([0.1, 0.2, 0.1, 0.2], 2, 0, False, 200),
        ([0.1, 0.2, 0.1, 0.3], 2, 0, True, 400),
        ([0.5, 0.505, 0.508], 2, 0.01, False, 100),
        ([0.5, 0.505, 0.511], 2, 0.01, True, 300),
        ([0.0, 0.0, 0.0], 2, 0, False, 100),
    ],
)
def test_patience(values, patience, min_delta, go_on, best_step):
    decision = stopping.decide(evaluations(*values), MAP, patience=patience, min_delta=min_delta)
    assert (decision["go_on"], decision["best_step"]) == (go_on, best_step)
    assert decision["step"] == 100 * len(values)
    assert f"at step {best_step}" in decision["reason"]


def test_the_order_of_the_files_does_not_matter():
    given = evaluations(0.3, 0.2, 0.1)
    assert stopping.decide(given[::-1], MAP, patience=2) == stopping.decide(given, MAP, patience=2)


def test_an_unknown_metric_comes_with_the_nearest():
    with pytest.raises(UserError, match=r"early_stopping.metric` is Precision/mAP, .*did you mean DetectionBoxes"):
        stopping.decide(evaluations(0.1), "Precision/mAP", patience=1)


def test_an_undefined_metric_cannot_stop():
    with pytest.raises(UserError, match="undefined at step 100: no box"):
        stopping.decide(evaluations(None, undefined={MAP: "no box"}), MAP, patience=1)


def test_a_decision_is_written_and_read(tmp_path):
    for evaluation in evaluations(0.2, 0.1):
        (tmp_path / f"{evaluation['step']}.json").write_text(json.dumps(evaluation))
    files = [tmp_path / "200.json", tmp_path / "100.json"]
    decision = stopping.run(files, tmp_path / "decision.json", metric=MAP, patience=1)
    assert json.loads((tmp_path / "decision.json").read_text()) == decision
    assert not stopping.goes_on(tmp_path / "decision.json")


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"go_on": 1}', '{"go_on"', "\0"])
def test_a_damaged_decision_is_refused(tmp_path, damage):
    (tmp_path / "decision.json").write_text(damage)
    with pytest.raises(UserError, match=r"decision\.json is damaged.*Delete it and run again"):
        stopping.goes_on(tmp_path / "decision.json")

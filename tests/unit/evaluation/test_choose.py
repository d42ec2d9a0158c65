"""The choice of a checkpoint: best, last or a step, ties and undefined values."""

import json

import pytest

from boxwright.core.errors import UserError
from boxwright.evaluation import choose

MAP, LARGE = "DetectionBoxes_Precision/mAP@.50IOU", "DetectionBoxes_Precision/mAP (large)"


def evaluations(*values, metric=MAP):
    return [
        {
            "model": "ssd",
            "step": 100 * number,
            "metrics": {"DetectionBoxes_Precision/mAP": 0.1, MAP: 0.5, LARGE: 0.5} | {metric: value},
            "undefined": {metric: "no box of at least 96 x 96 pixels"} if value is None else {},
        }
        for number, value in enumerate(values, start=1)
    ]


def test_best_is_the_largest_value():
    choice = choose.choose(evaluations(0.1, 0.7, 0.3), "best", MAP)
    assert (choice["step"], choice["value"], choice["model"]) == (200, 0.7, "ssd")
    assert choice["considered"] == [
        {"step": 100, "value": 0.1},
        {"step": 200, "value": 0.7},
        {"step": 300, "value": 0.3},
    ]
    assert "largest" in choice["reason"] and "3 checkpoints" in choice["reason"]


def test_ties_go_to_the_earlier_step_in_any_order():
    choice = choose.choose(evaluations(0.1, 0.7, 0.7, 0.7)[::-1], "best", MAP)
    assert choice["step"] == 200
    assert "also step 300, 400" in choice["reason"]


def test_undefined_values_are_passed_over():
    choice = choose.choose(evaluations(None, 0.2, None, metric=LARGE), "best", LARGE)
    assert choice["step"] == 200 and "undefined at step 100, 300" in choice["reason"]


def test_undefined_everywhere_is_an_error_with_the_reason_and_what_to_take():
    with pytest.raises(UserError, match=r"no box of at least 96 x 96.*mAP@.50IOU"):
        choose.choose(evaluations(None, None, metric=LARGE), "best", LARGE)


def test_last_and_a_step_need_no_defined_value():
    runs = evaluations(None, 0.2, None, metric=LARGE)
    assert choose.choose(runs, "last", LARGE)["step"] == 300
    assert choose.choose(runs, 100, LARGE) | {"step": 100, "value": None} == choose.choose(runs, 100, LARGE)


def test_a_step_or_metric_that_is_not_there():
    with pytest.raises(UserError, match=r"150.*100, 200"):
        choose.choose(evaluations(0.1, 0.2), 150, MAP)
    with pytest.raises(UserError, match=r"did you mean DetectionBoxes_Precision/mAP@\.50IOU"):
        choose.choose(evaluations(0.1, 0.2), "best", "DetectionBoxes_Precision/mAP@.50IoU")
    with pytest.raises(UserError, match="no evaluated checkpoint"):
        choose.choose([], "best", MAP)


def test_the_choice_is_written(tmp_path):
    paths = []
    for number, content in enumerate(evaluations(0.4, 0.6)):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(content))
    choice = choose.run(paths, "best", MAP, tmp_path / "choice.json")
    assert json.loads((tmp_path / "choice.json").read_text()) == choice
    assert choice["step"] == 200


def test_the_decision_that_ended_the_training_is_kept():
    go, stop = {"step": 100, "go_on": True}, {"step": 200, "go_on": False, "reason": "no better"}
    assert choose.choose(evaluations(0.1, 0.2), "best", MAP)["stopped"] is None
    assert choose.choose(evaluations(0.1, 0.2), "best", MAP, [go])["stopped"] is None
    assert choose.choose(evaluations(0.1, 0.2), "best", MAP, [go, stop])["stopped"] == stop

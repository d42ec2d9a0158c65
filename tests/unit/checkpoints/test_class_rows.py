"""Parts of class predictors by class name."""

import numpy as np

from boxwright.checkpoints import class_rows

IDS = {"num_classes": 2, "background": True, "old_ids": {"a": 1, "b": 2, "c": 3}, "new_ids": {"c": 1, "x": 2}}


def test_the_second_stage_keeps_class_and_box_rows():
    old, new = np.arange(8.0).reshape(2, 4), np.full((2, 3), -1.0)
    value, kept = class_rows.moved("SecondStageBoxPredictor/ClassPredictor/weights", old, new, **IDS)
    assert value.tolist() == [[0, 3, -1], [4, 7, -1]]
    assert kept == ["c"]
    old, new = np.arange(12.0), np.full(8, -1.0)
    value, kept = class_rows.moved("SecondStageBoxPredictor/BoxEncodingPredictor/biases", old, new, **IDS)
    assert value.tolist() == [8, 9, 10, 11, -1, -1, -1, -1]


def test_what_holds_nothing_per_class_is_left_alone():
    old, new = np.zeros(4), np.zeros(4)
    for name in (
        "FirstStageBoxPredictor/ClassPredictor/biases",
        "BoxPredictor_0/BoxEncodingPredictor/biases",
        "BoxPredictor_0/ClassPredictor/BatchNorm/gamma",
        "SecondStageBoxPredictor/BoxEncodingPredictor/biases",  # one box for all classes
    ):
        assert class_rows.moved(name, old, new, **IDS) is None


def test_a_class_beyond_the_old_predictor_is_new():
    old, new = np.arange(2.0), np.full(3, -1.0)
    value, kept = class_rows.moved("ClassPredictor/biases", old, new, **IDS)
    assert value.tolist() == [0, -1, -1]
    assert kept == []

"""Parts of predictors by class name."""

import numpy as np

from boxwright.checkpoints import class_rows
from boxwright.checkpoints.class_rows import ClassColumns

IDS = {"num_classes": 2, "old_ids": {"a": 1, "b": 2, "c": 3}, "new_ids": {"c": 1, "x": 2}}
SCORES, BOXES = ClassColumns(background=True), ClassColumns(background=False, each=4)


def test_the_second_stage_keeps_class_and_box_rows():
    old, new = np.arange(8.0).reshape(2, 4), np.full((2, 3), -1.0)
    value, kept = class_rows.moved(old, new, SCORES, **IDS)
    assert value.tolist() == [[0, 3, -1], [4, 7, -1]]
    assert kept == ["c"]
    old, new = np.arange(12.0), np.full(8, -1.0)
    value, kept = class_rows.moved(old, new, BOXES, **IDS)
    assert value.tolist() == [8, 9, 10, 11, -1, -1, -1, -1]


def test_every_anchor_of_a_cell_has_its_own_columns():
    old, new = np.arange(8.0), np.full(6, -1.0)
    value, _ = class_rows.moved(old, new, SCORES, **IDS)
    assert value.tolist() == [0, 3, -1, 4, 7, -1]


def test_what_has_another_number_of_groups_is_left_alone():
    assert class_rows.moved(np.zeros(4), np.zeros(4), SCORES, **IDS) is None
    assert class_rows.moved(np.zeros(7), np.zeros(6), SCORES, **IDS) is None
    assert class_rows.moved(np.zeros(6), np.zeros(8), BOXES, **IDS) is None


def test_a_class_beyond_the_old_predictor_is_new():
    old, new = np.arange(2.0), np.full(3, -1.0)
    value, kept = class_rows.moved(old, new, SCORES, **IDS)
    assert value.tolist() == [0, -1, -1]
    assert kept == []


def test_ids_may_have_gaps_on_both_sides():
    """The columns of ids that no class has are new."""
    ids = {"num_classes": 4, "old_ids": {"a": 1, "c": 3}, "new_ids": {"c": 1, "a": 4}}
    value, kept = class_rows.moved(np.arange(4.0), np.full(5, -1.0), SCORES, **ids)
    assert value.tolist() == [0, 3, -1, -1, 1]
    assert kept == ["c", "a"]

"""The note of an autosave, read back after whatever happened to it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from boxwright.training.state import Autosave


@pytest.mark.parametrize(
    "damage",
    ["", "[]", "{", '{"identity": "me"}', '{"identity": "me", "step": "7", "records": []}', "\0"]
    + [json.dumps({"identity": "me", "step": 7, "records": one}) for one in (5, [5], [{}], [{"step": "x"}], None)],
)
def test_a_damaged_note_costs_only_time(tmp_path, damage):
    autosave = Autosave(tmp_path / "autosave", "me")
    variables = {"v": tf.Variable(np.float32(3))}
    autosave.save(variables, 7, [{"step": 7, "loss": 1.0}])
    assert autosave.resume(variables, 0, 10) == (7, [{"step": 7, "loss": 1.0}])
    (tmp_path / "autosave/autosave.json").write_text(damage)
    assert autosave.resume(variables, 0, 10) is None

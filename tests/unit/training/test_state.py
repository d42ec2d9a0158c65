"""The note of an autosave, read back after whatever happened to it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files
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
    assert autosave.find(0, 10).resume(variables, 0) == (7, [{"step": 7, "loss": 1.0}])
    (tmp_path / "autosave/autosave.json").write_text(damage)
    found = autosave.find(0, 10)
    assert found is None or found.resume(variables, 0) is None


def test_a_state_is_read_once(tmp_path, monkeypatch):
    autosave = Autosave(tmp_path / "autosave", "me")
    saved, other = tf.Variable(np.float32(3)), tf.Variable(np.float32(0))
    autosave.save({"v": saved}, 7, [{"step": 3}, {"step": 7}])
    found = autosave.find(0, 10)
    assert found.prefix == tmp_path / "autosave/model.ckpt-7"
    monkeypatch.setattr(checkpoint_files, "read", None)
    assert found.resume({"v": other}, 3) == (7, [{"step": 7}])
    assert other.numpy() == 3
    assert found.resume({"w": other}, 3) is None  # it is of another model

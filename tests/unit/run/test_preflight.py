"""The checks before the first job."""

from types import SimpleNamespace

import pytest

from boxwright.core.errors import UserError
from boxwright.run import preflight


def test_a_broken_label_map_beside_a_checkpoint_is_told_before_the_first_job(tmp_path):
    starts = {"a": str(tmp_path / "model.ckpt"), "b": None, "c": str(tmp_path / "nowhere" / "model.ckpt")}
    plan = SimpleNamespace(models=list(starts), start=starts.get, shown=str)
    preflight._check_label_maps(plan)
    (tmp_path / "coco_label_map.pbtxt").write_text('item { id: 1000000000 name: "cat" }')
    with pytest.raises(UserError) as error:
        preflight._check_label_maps(plan)
    assert "models.a: beside its checkpoint: " in str(error.value) and "has id 1000000000" in str(error.value)

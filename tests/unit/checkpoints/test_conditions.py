"""What a training decides once and keeps: its precision and its number of threads."""

import numpy as np
import pytest

from boxwright import devices
from boxwright.checkpoints import checkpoint_files, conditions
from boxwright.checkpoints.conditions import FORMER, Conditions

AMX = ("amx_bf16",)


@pytest.fixture
def machine(monkeypatch):
    """machine(instructions, processors): the machine that a training begins on."""

    def is_one(instructions: set[str], processors: int) -> None:
        monkeypatch.setattr(devices.instructions, "here", lambda: frozenset(instructions))
        monkeypatch.setattr(devices, "processors", lambda: processors)

    return is_one


def decided(precision="auto", threads="auto", begun=None, gpus=0, faster_with=AMX) -> Conditions:
    return conditions.decide(precision, threads, begun=begun, gpus=gpus, faster_with=faster_with)


def test_the_machine_decides_where_a_training_begins(machine):
    machine({"amx_bf16", "avx512_bf16"}, 6)
    assert decided() == ("bfloat16", 6)
    assert decided(faster_with=()) == ("float32", 6), "a family that gains nothing"
    assert decided(gpus=1) == ("float32", 6)
    machine({"avx512_bf16"}, 3)
    assert decided() == ("float32", 3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_set_is_taken(machine, precision):
    machine({"amx_bf16"}, 6)
    assert decided(precision, 4) == (precision, 4)


def test_float16_needs_a_gpu_where_a_training_begins(machine, tmp_path):
    machine({"amx_bf16"}, 6)
    assert decided("float16", 4) == ("float32", 4)
    assert decided("float16", 4, gpus=1) == ("float16", 4)
    for precision in ("float32", "float16"):
        prefix = tmp_path / precision
        checkpoint_files.write(prefix, {"w": np.zeros(2, np.float32), **Conditions(precision, 4).tensors})
        assert decided("float16", 4, prefix) == decided("float16", 4, prefix, gpus=1) == (precision, 4)


def test_a_checkpoint_decides_where_a_training_goes_on(machine, tmp_path):
    machine(set(), 1)
    began = Conditions("bfloat16", 5)
    prefix = tmp_path / "model.ckpt-3"
    checkpoint_files.write(prefix, {"w": np.zeros(2, np.float32), **began.tensors})
    assert conditions.of(prefix) == began
    assert decided(begun=prefix) == began == decided(begun=prefix, gpus=2)
    assert decided("float32", begun=prefix) == ("float32", 5)
    assert decided(threads=2, begun=prefix) == ("bfloat16", 2)


def test_a_checkpoint_that_keeps_nothing(machine, tmp_path):
    machine({"amx_bf16"}, 6)
    checkpoint_files.write(tmp_path / "model.ckpt-3", {"w": np.zeros(2, np.float32)})
    assert decided(begun=tmp_path / "model.ckpt-3") == FORMER == ("float32", 2)

"""A longer training that has to start again says so."""

import pytest

from boxwright.pipeline import restart, text

CONFIG = """
model {{ ssd {{ num_classes: 3 }} }}
train_config {{ num_steps: {steps} optimizer {{ adam_optimizer {{ learning_rate {{ {schedule} }} }} }} }}
"""
COSINE = "cosine_decay_learning_rate {{ learning_rate_base: 0.1 total_steps: {steps} warmup_steps: 0 }}"
CONSTANT = "constant_learning_rate {{ learning_rate: 0.1 }}"


def config(steps: int, schedule: str = COSINE) -> str:
    return CONFIG.format(steps=steps, schedule=schedule.format(steps=steps))


@pytest.fixture
def folder(tmp_path):
    """The results of a model that was trained for 100 steps with a cosine."""
    (tmp_path / "train").mkdir()
    for step in (50, 100):
        (tmp_path / f"train/model.ckpt-{step}.index").write_bytes(b"")
    (tmp_path / "pipeline.config").write_text(config(100))
    return tmp_path


def test_a_stretched_cosine(folder):
    said = restart.reason(folder, text.parse(config(200)))
    assert said.startswith("num_steps 100 -> 200 stretches the cosine schedule (train_config.optimizer.adam_optimizer.")
    assert "total_steps 100 -> 200" in said
    assert "training starts again, and the checkpoints up to step 100 are replaced" in said


def test_the_same_length_says_nothing(folder):
    assert restart.reason(folder, text.parse(config(100))) == ""


def test_a_cosine_that_keeps_its_length_says_nothing(folder):
    kept = config(100).replace("num_steps: 100", "num_steps: 200")
    assert restart.reason(folder, text.parse(kept)) == ""


def test_another_kind_of_schedule_says_nothing(folder):
    (folder / "pipeline.config").write_text(config(100, CONSTANT))
    assert restart.reason(folder, text.parse(config(200, CONSTANT))) == ""


def test_without_a_checkpoint_nothing_is_lost(folder):
    for path in (folder / "train").iterdir():
        path.unlink()
    assert restart.reason(folder, text.parse(config(200))) == ""


@pytest.mark.parametrize("written", [None, "model {"])
def test_without_the_written_configuration_nothing_is_said(folder, written):
    (folder / "pipeline.config").unlink()
    if written:
        (folder / "pipeline.config").write_text(written)
    assert restart.reason(folder, text.parse(config(200))) == ""

import json

import pytest

from boxwright.training import log
from boxwright.training.log import Log

LOSSES = {"Loss/RPNLoss/localization_loss": 0.25, "Loss/classification_loss": 1.5, "Loss/total_loss": 1.75}


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(log.time, "monotonic", lambda: Clock.now)
    return Clock


def test_interval_grows_with_the_segment_up_to_the_od_apis():
    assert [log.interval(steps) for steps in (0, 1, 50, 200, 1000, 5000, 100_000)] == [1, 1, 1, 4, 20, 100, 100]


def test_pace_waiting_and_eta(clock, tmp_path, capfd):
    said = Log(tmp_path / "events.out.tfevents.x", 0, 100)
    for step in range(1, 101):
        # The first step takes 30 s to build; then two steps a second, of which a fifth is waiting.
        clock.now += 30.0 if step == 1 else 0.5
        said.step(step, 0.01, LOSSES, waited=5.0 if step == 1 else 0.1)
    assert len(said.records) == 50
    assert said.records[-1]["steps_per_sec"] == pytest.approx(2)
    assert said.records[-1]["input_wait_share"] == pytest.approx(0.2)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "step 2/100  loss 1.750 (rpn loc 0.250, cls 1.500)  lr 0.01  2.00 steps/s  ETA 49 s"
    assert lines[1].startswith("step 22/100")
    assert lines[-1] == "step 100/100  loss 1.750 (rpn loc 0.250, cls 1.500)  lr 0.01  2.00 steps/s"
    assert len(lines) == 6


def test_saved_as_json_lines(clock, tmp_path):
    said = Log(tmp_path / "events.out.tfevents.2", 0, 2)
    for step in (1, 2):
        clock.now += 1
        said.step(step, 0.1, LOSSES, 0.0)
    said.save(tmp_path / "log/2.jsonl")
    said.close()
    records = [json.loads(line) for line in (tmp_path / "log/2.jsonl").read_text().splitlines()]
    assert records == said.records
    assert [record["step"] for record in records] == [1, 2]


def test_a_continued_log_writes_its_records_to_the_new_event_file(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    said = Log(tmp_path / "events.out.tfevents.2", 0, 3, [{"step": 1, **LOSSES, "learning_rate": 0.5}])
    said.step(2, 0.25, LOSSES, 0.0)
    said.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    tensors = events.Tensors("learning_rate")
    assert [event.step for event in tensors] == [1, 2]


def test_a_line_has_the_mean_loss_since_the_line_before(clock, tmp_path, capfd):
    said = Log(tmp_path / "events.out.tfevents.x", 0, 8)
    for step, total in enumerate((9.0, 1.0, 2.0, 3.0, 5.0, 7.0, 1.0, 3.0), 1):
        clock.now += 3
        said.step(step, 0.01, LOSSES | {"Loss/total_loss": total}, waited=0.0)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split("(")[0].strip() for line in lines] == [
        "step 1/8  loss 9.000",
        "step 5/8  loss 2.750",
        "step 8/8  loss 3.667",
    ]
    assert [one["Loss/total_loss"] for one in said.records] == [9.0, 1.0, 2.0, 3.0, 5.0, 7.0, 1.0, 3.0]

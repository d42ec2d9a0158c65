"""Evaluation beside the training, and early stopping, through real Snakemake."""

import json
import re
from datetime import datetime

import pytest

from tests.workflow.conftest import new_project, small_model

TARGETS = ("--", "results/models/small-seed3/choice.json", "results/models/small-seed3/train/log.jsonl")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A model of five checkpoints that learns nothing, after its first run: one evaluation too many is enough."""
    project = new_project(tmp_path_factory.mktemp("project"))
    project.config["models"] = {
        "small": small_model(
            num_steps=5, checkpoint_every=1, rescale_schedule=False, seed=[3], early_stopping={"patience": 1}
        )
    }
    project.first = project.snakemake(*TARGETS, cores=2)
    return project


def spans(text: str) -> dict[str, tuple[datetime, datetime]]:
    """When each job of a run began and ended, by its message."""
    began, spans = {}, {}
    stamp = r"\[(\w+ \w+ +\d+ [\d:]+ \d+)\]\n"
    moment = lambda found: datetime.strptime(found, "%a %b %d %H:%M:%S %Y")  # noqa: E731
    for time, number, message in re.findall(stamp + r"(?:local)?(?:rule|Job|checkpoint)? ?(\d+): (.*)\n", text):
        began[number] = (message, moment(time))
    for time, number in re.findall(stamp + r"Finished jobid: (\d+)", text):
        if number in began:
            message, start = began[number]
            spans[message] = (start, moment(time))
    return spans


def test_a_checkpoint_is_measured_while_the_next_is_trained(stopped):
    jobs = spans(stopped.first.text)
    training, evaluation = jobs["Training small-seed3 up to step 2"], jobs["Evaluating small-seed3 at step 1"]
    together = min(training[1], evaluation[1]) - max(training[0], evaluation[0])
    assert together.total_seconds() > 0


def test_training_stops_one_segment_after_the_evaluation_that_decides(stopped):
    model = stopped / "results/models/small-seed3"
    assert sorted(path.name for path in (model / "train").glob("*.index")) == [
        f"model.ckpt-{step}.index" for step in (1, 2, 3)
    ]
    assert {path.parent.name for path in (model / "eval").glob("*/metrics.json")} == {"1", "2", "3"}
    assert {path.parent.name for path in (model / "eval").glob("*/decision.json")} == {"1", "2"}
    choice = json.loads((model / "choice.json").read_text())
    assert [entry["step"] for entry in choice["considered"]] == [1, 2, 3]
    assert (choice["stopped"]["step"], choice["stopped"]["go_on"]) == (2, False)
    assert (choice["stopped"]["patience"], choice["stopped"]["best_step"]) == (1, 1)
    steps = [json.loads(line)["step"] for line in (model / "train/log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]
    assert "training stopped early after step 2" in stopped.first.text


def test_a_finished_run_stays_finished(stopped):
    assert stopped.snakemake("--dry-run", *TARGETS).jobs == {}


def test_more_steps_do_not_wake_it(stopped):
    model = stopped.config["models"]["small"]
    model["num_steps"] = 9
    try:
        jobs = stopped.snakemake("--dry-run", *TARGETS).jobs
    finally:
        model["num_steps"] = 5
    assert not {"train_segment", "evaluate_checkpoint", "judge_progress"} & jobs.keys()

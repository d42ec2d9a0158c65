"""Evaluation beside the training, and early stopping, through real Snakemake."""

import base64
import json

import pytest

from tests.workflow.conftest import new_project, small_model

TARGETS = ("results/models/small-seed3/choice.json", "results/models/small-seed3/train/log.jsonl")


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


def span(project, output: str) -> tuple[float, float]:
    """When the job that made an output began and ended, as Snakemake noted it."""
    for path in (project / ".snakemake/metadata").iterdir():
        if base64.b64decode(path.name).decode() == f"results/models/small-seed3/{output}":
            noted = json.loads(path.read_text())
            return noted["starttime"], noted["endtime"]
    raise AssertionError(f"nothing was noted of {output}")


def test_a_checkpoint_is_measured_while_the_next_is_trained(stopped):
    for step in (1, 2):
        evaluated = span(stopped, f"eval/{step}/metrics.json")
        trained = span(stopped, f"train/model.ckpt-{step + 1}.index")
        assert min(evaluated[1], trained[1]) > max(evaluated[0], trained[0])


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


def test_repetitions_are_warned_of_under_the_name_in_the_configuration(stopped):
    assert stopped.first.text.count("models.small, made from") == 1
    assert "models.small-seed3, made from" not in stopped.first.text


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


@pytest.mark.slow
def test_more_patience_goes_on_where_it_stopped(stopped, tmp_path):
    project = stopped.copy(tmp_path / "project")
    model = project / "results/models/small-seed3"
    before = {path: path.read_bytes() for path in (model / "train").glob("model.ckpt-*")}
    project.config["models"]["small"]["early_stopping"]["patience"] = 9
    project.snakemake(*TARGETS)
    assert sorted(path.name for path in (model / "train").glob("*.index")) == [
        f"model.ckpt-{step}.index" for step in range(1, 6)
    ]
    assert {path: path.read_bytes() for path in before} == before
    choice = json.loads((model / "choice.json").read_text())
    assert choice["stopped"] is None and [entry["step"] for entry in choice["considered"]] == [1, 2, 3, 4, 5]
    assert project.snakemake("--dry-run", *TARGETS).jobs == {}
    # More steps for a training that was not stopped: the last decision is asked for again.
    project.config["models"]["small"]["num_steps"] = 6
    planned = project.snakemake("--dry-run", *TARGETS).jobs
    assert planned["judge_progress"] == planned["choose_checkpoint"] == 1

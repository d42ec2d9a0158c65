"""What reruns after a change of the settings, of the code or of a result: exactly the jobs that it needs."""

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import small_model
from tests.workflow.work import (
    ALL_SHARDS,
    COMPARISON,
    GROUND_TRUTH,
    everything,
    form,
    from_choice,
    from_evaluation,
    from_export,
    from_frozen_graph,
    from_training,
    measuring,
    planned,
    preview,
    records,
)

RATE = "train_config.optimizer.adam_optimizer.learning_rate"
MODEL = "results/models/small"


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, to be changed."""
    return finished.copy(tmp_path / "project")


# Settings


@pytest.mark.slow
def test_one_of_two_models(project):
    project.config["models"]["other"] = small_model(num_steps=1, checkpoint_every=1)
    waiting = {"Matching the boxes with the anchors of other", "Timing all models in turns"}
    assert planned(project) == waiting | everything(1, model="other")
    project.snakemake("results/models/other/train/log.jsonl")
    rest = waiting | preview("other") | from_evaluation(1, model="other")
    project.config["models"]["small"]["seed"] = 1
    assert planned(project) == rest | preview() | from_training(3, 6)
    project.config["models"]["small"]["seed"] = 0
    project.config["models"]["other"]["seed"] = 1
    assert planned(project) == rest | from_training(1, model="other")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(f"{RATE}.cosine_decay_learning_rate.learning_rate_base", 0.001, marks=pytest.mark.slow),
        pytest.param("model.ssd.loss.localization_weight", 2.0, marks=pytest.mark.slow),
        ("train_config.data_augmentation_options.0.random_horizontal_flip.probability", 0.25),
    ],
)
def test_a_rate_a_loss_an_augmentation(project, field, value):
    project.config["models"]["small"]["overrides"][field] = value
    outcome = project.snakemake("--dry-run")
    assert outcome.work == everything(3, 6)
    assert f"models.small: {field} " in outcome.text
    assert "training starts again, and the checkpoints up to step 6 are replaced" in outcome.text


@pytest.mark.parametrize(
    ("changes", "work"),
    [
        ({"eval_config.min_score_threshold": 0.25}, {"Configuring small"} | preview() | from_evaluation(3, 6)),
        (
            {"model.ssd.post_processing.batch_non_max_suppression.iou_threshold": 0.5},
            {"Configuring small"} | preview() | from_evaluation(3, 6),
        ),
    ],
)
def test_evaluation(project, changes, work):
    project.config["models"]["small"]["overrides"] |= changes
    assert planned(project) == work


@pytest.mark.parametrize(
    "export", [{"checkpoint": 3}, {"checkpoint": "last"}, {"metric": "DetectionBoxes_Recall/AR@1"}]
)
def test_export(project, export):
    project.config["export"] = export
    assert planned(project) == from_choice()


@pytest.mark.parametrize(
    ("predict", "on"),
    [
        ({"images": "photographs/images"}, " on photographs/images"),
        ({"score_threshold": 0.1}, ""),
        ({"line_thickness": 2}, ""),
    ],
)
def test_prediction(project, predict, on):
    project.config["predict"] = predict
    assert planned(project) == {f"Predicting with small{on}"}


@pytest.mark.slow
def test_a_photograph_to_predict_edited(project):
    """In a folder of its own, which no result but the predictions depends on."""
    shutil.copytree(project / "photographs/images", project / "holidays")
    project.config["predict"] = {"images": "holidays"}
    kept = {path: path.read_bytes() for path in (project / MODEL / "predictions").rglob("*.*")}
    project.snakemake(f"{MODEL}/predictions-holidays")
    assert kept and kept == {path: path.read_bytes() for path in (project / MODEL / "predictions").rglob("*.*")}
    assert planned(project) == set()
    with next((project / "holidays").glob("*.jpg")).open("ab") as photograph:
        photograph.write(b"\0")
    assert planned(project) == {"Predicting with small on holidays"}


def test_settings_that_decide_no_result(project):
    project.config["models"]["small"]["save_every_s"] = 7
    assert planned(project) == set()


# Steps

CONSTANT = {f"{RATE}.constant_learning_rate.learning_rate": 0.001}
EXPONENTIAL = {f"{RATE}.exponential_decay_learning_rate": {"initial_learning_rate": 0.001, "decay_steps": 2}}
MANUAL = {
    f"{RATE}.manual_step_learning_rate": {
        "initial_learning_rate": 0.001,
        "schedule": [{"step": 2, "learning_rate": 0.0005}],
    }
}


def train_again(project, **settings) -> None:
    """Settings with which the small model is trained anew, up to its training log."""
    project.config["models"]["small"] = small_model(**settings)
    project.snakemake(f"{MODEL}/train/log.jsonl")


def with_schedule(schedule: dict) -> dict:
    return small_model()["overrides"] | schedule


def checkpoint(project, step: int) -> bytes:
    prefix = project / MODEL / f"train/model.ckpt-{step}"
    return b"".join(Path(f"{prefix}{suffix}").read_bytes() for suffix in (".index", ".data-00000-of-00001"))


@pytest.mark.parametrize(
    "schedule",
    [CONSTANT, pytest.param(EXPONENTIAL, marks=pytest.mark.slow), pytest.param(MANUAL, marks=pytest.mark.slow)],
)
def test_more_steps_with_a_schedule_of_its_own_length(project, schedule):
    train_again(project, num_steps=4, checkpoint_every=2, overrides=with_schedule(schedule))
    before = checkpoint(project, 2), checkpoint(project, 4)
    project.config["models"]["small"]["num_steps"] = 6
    outcome = project.snakemake("--dry-run")
    assert "starts again" not in outcome.text
    log = {"Collecting the training log of small"}
    longer = {"Configuring small", "Training small up to step 6"} | log
    # Steps 2 and 4 were trained, and not yet measured.
    assert outcome.work == longer | preview() | from_evaluation(2, 4, 6)
    run = project.snakemake(f"{MODEL}/train/log.jsonl")
    assert run.work == longer
    assert (checkpoint(project, 2), checkpoint(project, 4)) == before
    logged = (project / MODEL / "train/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [1, 2, 3, 4, 5, 6]


def test_more_steps_stretch_a_cosine(project):
    project.config["models"]["small"]["num_steps"] = 9
    outcome = project.snakemake("--dry-run")
    assert outcome.work == everything(3, 6, 9)
    assert "models.small: num_steps 6 -> 9 stretches the cosine schedule" in outcome.text
    assert "training starts again, and the checkpoints up to step 6 are replaced" in outcome.text


@pytest.mark.slow
def test_more_steps_beside_a_cosine_that_keeps_its_length(project):
    """`rescale_schedule: false` leaves the schedule as its file has it."""
    train_again(project, rescale_schedule=False)
    project.config["models"]["small"]["num_steps"] = 9
    outcome = project.snakemake("--dry-run", f"{MODEL}/train/log.jsonl")
    assert outcome.work == {"Configuring small", "Training small up to step 9", "Collecting the training log of small"}
    assert "starts again" not in outcome.text


@pytest.mark.slow
def test_another_distance_of_checkpoints(project):
    before = checkpoint(project, 6)
    project.config["models"]["small"]["checkpoint_every"] = 2
    # The checkpoint of step 6 is trained from another one and comes out the same, so its evaluation stands. The preview
    # shows the last batch before each checkpoint.
    assert planned(project) == preview() | from_training(2, 4, 6) - {"Evaluating small at step 6"}
    project.snakemake(f"{MODEL}/train/log.jsonl")
    assert checkpoint(project, 6) == before
    logged = (project / MODEL / "train/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [1, 2, 3, 4, 5, 6]


# Code


@pytest.mark.parametrize(
    ("module", "work"),
    [
        ("export/predict.py", {"Predicting with small"}),
        ("report/learning.py", {"Drawing what small learned, gets right and gets wrong", "Comparing the models"}),
        pytest.param("export/check.py", from_export(), marks=pytest.mark.slow),
        # It says which figures of a form count.
        pytest.param("export/summary.py", measuring() | form() | COMPARISON, marks=pytest.mark.slow),
        pytest.param("export/forms/frozen_graph.py", from_frozen_graph(), marks=pytest.mark.slow),
        ("runtimes/frozen_graph.py", from_frozen_graph()),
        ("runtimes/saved_model.py", form("saved_model") | COMPARISON),
        pytest.param("evaluation/choose.py", from_choice(), marks=pytest.mark.slow),
        pytest.param("evaluation/run.py", from_evaluation(3, 6), marks=pytest.mark.slow),
        pytest.param("training/log.py", from_training(3, 6), marks=pytest.mark.slow),
        pytest.param(
            "training/augmentations/random_horizontal_flip.py", preview() | from_training(3, 6), marks=pytest.mark.slow
        ),
        ("records/shards.py", records(*ALL_SHARDS) | GROUND_TRUTH | preview() | from_training(3, 6)),
        pytest.param("pipeline/changes.py", {"Configuring small"}, marks=pytest.mark.slow),
        # The plan is made again with it, and comes out the same.
        ("dataset/decide.py", {"Checking the annotations"}),
        pytest.param("cli/lint.py", set(), marks=pytest.mark.slow),
    ],
)
def test_a_module_of_the_library(project, checkout, module, work):
    project.checkout = checkout
    with (checkout / "workflow/boxwright" / module).open("a") as file:
        file.write("\n_ADDED = 1\n")
    assert planned(project) == work


def test_comments_and_docstrings_are_no_code(project, checkout):
    project.checkout = checkout
    for path in (checkout / "workflow").rglob("*.py"):
        path.write_text(path.read_text() + "\n\n# A remark.\n")
    assert planned(project) == set()


# Results


DAMAGES = {
    "results/data/label_map.pbtxt": {"Writing the label map"},
    "results/data/train-00001-of-00002.tfrecord": records("train-00001-of-00002"),
    f"{MODEL}/pipeline.config": {"Configuring small"},
    f"{MODEL}/train/model.ckpt-3.index": {"Training small up to step 3"},
    f"{MODEL}/train/model.ckpt-3.data-00000-of-00001": {"Training small up to step 3"},
    f"{MODEL}/train/events.out.tfevents.0000000006": {"Training small up to step 6"},
    f"{MODEL}/train/checkpoint": {"Collecting the training log of small"},
    f"{MODEL}/eval/3/metrics.json": {"Evaluating small at step 3"},
    # A dry run lists the export too: whether it runs is known once the choice is made.
    f"{MODEL}/choice.json": {"Choosing the checkpoint of small", "Exporting small"} | measuring() | form(),
    f"{MODEL}/fine_tuned_model/label_map.pbtxt": {"Exporting small"} | form(),
    # What was measured is that of equal bytes.
    f"{MODEL}/fine_tuned_model/frozen_inference_graph.pb": form("frozen_graph") - measuring(),
    f"{MODEL}/fine_tuned_model/saved_model/saved_model.pb": form("saved_model") - measuring(),
    f"{MODEL}/fine_tuned_model/export.json": form(),
}


def cut_short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [cut_short, Path.unlink])
def test_damaged_results_are_made_again_and_nothing_after_them(project, damage):
    for name in DAMAGES:
        damage(project / name)
    assert planned(project) == set().union(*DAMAGES.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("damage", [cut_short, Path.unlink])
def test_each_damaged_result_is_named_and_made_again(project, damage, name):
    damage(project / name)
    outcome = project.snakemake("--dry-run")
    assert outcome.work == DAMAGES[name]
    said = rf"^{re.escape(name)} (is gone|has \d+ bytes instead of \d+): made again$"
    assert re.search(said, outcome.text, re.M)


def test_damaged_results_come_back_the_same(project):
    """Also in the middle of a chain, and a folder as a whole."""
    before = {path: path.read_bytes() for path in results(project)}
    cut_short(project / MODEL / "train/model.ckpt-3.data-00000-of-00001")
    (project / "results/data/train-00000-of-00002.tfrecord").unlink()
    (project / "results/data/label_map.pbtxt").unlink()
    shutil.rmtree(project / MODEL / "predictions")
    work = {"Training small up to step 3", "Writing the label map", "Predicting with small"}
    started = time.time()
    assert project.snakemake().work == work | records("train-00000-of-00002")
    assert {path: path.read_bytes() for path in results(project)} == before
    assert (project / MODEL / "train/model.ckpt-6.index").stat().st_mtime < started
    assert planned(project) == set()


def results(project) -> list[Path]:
    """The results whose bytes are a function of the inputs: all but what tells the times of work and of files."""
    timed = ("events.out", "log.jsonl", ".tsv", ".log", "stamp.json", "facts.txt", "hashes.txt")
    found = [path for path in (project / "results").rglob("*") if path.is_file()]
    return [
        path
        for path in found
        if ".checksums" not in path.parts and "log" not in path.parts and not any(word in path.name for word in timed)
    ]


def test_two_changes_at_once(project):
    """What only one of them touches is not forgotten for the other."""
    (project / "results/data/label_map.pbtxt").unlink()
    project.config["predict"] = {"line_thickness": 2}
    assert planned(project) == {"Writing the label map", "Predicting with small"}

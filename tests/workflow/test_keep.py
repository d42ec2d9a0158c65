"""Checkpoints that `keep` removes, or somebody by hand; and an evaluation with images that were trained on."""

import json
import re
import shutil

import pytest
from PIL import Image

from tests.workflow.conftest import new_project, small_model
from tests.workflow.work import planned

pytestmark = pytest.mark.slow

MODEL = "results/models/small"


def with_near_duplicates(project) -> None:
    """Lists, on whose evaluation side two of eight images are training images, encoded again.

    Drawn images have little texture, so not every such pair is found.
    """
    images = sorted((project / "photographs/images").rglob("*.jpg"))
    for path in images[:2]:
        place = project / "photographs/annotations" / path.relative_to(project / "photographs/images")
        Image.open(path).save(path.with_name(f"again_{path.name}"), quality=60)
        text = place.with_suffix(".xml").read_text()
        place.with_name(f"again_{path.stem}.xml").write_text(text.replace(path.name, f"again_{path.name}"))
    lists = {
        "train": [path.name for path in images[:18]],
        "eval": [*(f"again_{path.name}" for path in images[:2]), *(path.name for path in images[18:])],
    }
    for side, names in lists.items():
        (project / f"{side}.txt").write_text("\n".join(names) + "\n")
    project.config["dataset"]["split"] = {side: f"{side}.txt" for side in lists}


@pytest.fixture(scope="module")
def thinned(tmp_path_factory):
    """A model with four checkpoints, of which the best and the last one stay, after its first run."""
    project = new_project(tmp_path_factory.mktemp("project"))
    with_near_duplicates(project)
    settings = {"num_steps": 4, "checkpoint_every": 1, "rescale_schedule": False, "keep": {"best": 1, "last": 1}}
    project.config["models"] = {"small": small_model(**settings)}
    project.first = project.snakemake()
    return project


@pytest.fixture
def project(thinned, tmp_path):
    return thinned.copy(tmp_path / "project")


def steps(project) -> list[int]:
    """The steps whose checkpoint is there, whole."""
    found = {}
    for path in (project / MODEL / "train").glob("model.ckpt-*"):
        found.setdefault(int(path.name.split("-", 1)[1].split(".")[0]), []).append(path)
    assert {len(files) for files in found.values()} == {2}
    return sorted(found)


def chosen(project) -> int:
    return json.loads((project / MODEL / "choice.json").read_text())["step"]


def test_the_best_and_the_last_stay_and_all_are_measured(thinned):
    stay = sorted({chosen(thinned), 4})
    assert steps(thinned) == stay
    note = json.loads((thinned / MODEL / "eval/4/kept.json").read_text())
    assert note == {"step": 4, "kept": stay, "removed": sorted({1, 2, 3, 4} - {*stay})}
    state = (thinned / MODEL / "train/checkpoint").read_text().splitlines()
    assert state == [
        'model_checkpoint_path: "model.ckpt-4"',
        *(f'all_model_checkpoint_paths: "model.ckpt-{step}"' for step in stay),
    ]
    considered = json.loads((thinned / MODEL / "choice.json").read_text())["considered"]
    assert [one["step"] for one in considered] == [1, 2, 3, 4]
    assert "MB freed" in thinned.first.text


def test_then_nothing_is_to_be_done(project):
    assert planned(project) == set()
    project.config["models"]["small"]["keep"] = None
    assert planned(project) == {"Collecting the training log of small"}


def test_a_longer_training_continues_from_the_last_one(project):
    project.config["models"]["small"]["num_steps"] = 5
    work = planned(project)
    assert {one for one in work if one.startswith(("Training", "Evaluating", "Thinning"))} == {
        "Training small up to step 5",
        "Evaluating small at step 5",
        "Thinning the checkpoints of small at step 5",
    }


def test_one_that_is_gone_is_not_exported(project):
    (gone, *_) = {1, 2, 3, 4} - {*steps(project)}
    project.config["export"] = {"checkpoint": gone}
    said = " ".join(project.snakemake("--dry-run", code=1).text.split())
    assert f"`export.checkpoint` is {gone}, which chooses the checkpoint at step {gone}. It is gone (`keep` " in said
    assert f"set `models.small.keep: null` and delete {MODEL}/eval/{gone}" in said and "Traceback" not in said
    # What it says to do helps.
    project.config["models"]["small"]["keep"] = None
    shutil.rmtree(project / MODEL / "eval" / str(gone))
    outcome = project.snakemake("--dry-run")
    assert f"Training small up to step {gone}" in outcome.work and "Exporting small" in outcome.work
    assert f"Training small up to step {gone + 1}" not in outcome.work
    assert "is gone and needed again" in outcome.text or "are gone and needed again" in outcome.text


def test_a_removal_that_was_interrupted_is_ended(project):
    """As after kill -9 between the two files of a checkpoint: the note is not written yet."""
    (gone, *_) = {1, 2, 3, 4} - {*steps(project)}
    (project / MODEL / f"train/model.ckpt-{gone}.data-00000-of-00001").write_bytes(b"left over")
    (project / MODEL / "eval/4/kept.json").unlink()
    stay = sorted({chosen(project), 4})
    work = {"Thinning the checkpoints of small at step 4", "Collecting the training log of small"}
    assert project.snakemake().work == work
    assert steps(project) == stay and planned(project) == set()


def test_another_evaluation_measures_what_is_there(project):
    there = steps(project)
    project.config["models"]["small"]["overrides"]["eval_config.min_score_threshold"] = 0.3
    outcome = project.snakemake("--dry-run")
    evaluated = {one for one in outcome.work if one.startswith(("Evaluating", "Training"))}
    assert evaluated == {f"Evaluating small at step {step}" for step in there}
    assert "cannot be measured with the evaluation as it is now" in outcome.text


def test_one_that_was_deleted_by_hand_is_not_trained_again(project):
    """Whatever `keep` says."""
    other = next((step for step in steps(project) if step != chosen(project)), None)
    if other is None:  # the best one is the last one, so all others are gone
        other = 4 if chosen(project) != 4 else 3
    for path in (project / MODEL / "train").glob(f"model.ckpt-{other}.*"):
        path.unlink()
    assert planned(project) == set()
    project.config["models"]["small"]["keep"] = None
    outcome = project.snakemake("--dry-run")
    assert outcome.work == {"Collecting the training log of small"}
    assert "Measured checkpoints that are not exported may go" in outcome.text


def test_the_metric_is_given_without_images_that_were_trained_on(thinned):
    step = chosen(thinned)
    files = list((thinned / MODEL / "eval").glob("*/metrics_without_near_duplicates.json"))
    assert [path.parent.name for path in files] == [str(step)]
    without = json.loads(files[0].read_text())
    whole = json.loads(files[0].with_name("metrics.json").read_text())
    listed = (thinned / "results/data/plan/across_split.tsv").read_text().split("\n")[:-1]
    assert without["left_out"] == [line.split("\t")[0] for line in listed] and listed
    assert (whole["images"], without["images"]) == (8, 8 - len(listed))
    assert without["metrics"].keys() == whole["metrics"].keys()
    answer = (thinned / "results/comparison/answer.rst").read_text()
    assert "the same as a training image, which flatters the detector" in answer and "never saw" not in answer
    assert re.search(rf"without {len(listed)} images? of 8, .* with", thinned.first.text)


def test_without_such_images_nothing_measures_them(project):
    train = (project / "train.txt").read_text().splitlines()
    (project / "train.txt").write_text("\n".join(train[2:]) + "\n")
    jobs = project.snakemake("--dry-run").jobs
    assert "measure_without_near_duplicates" not in jobs and jobs["compare_models"] == 1

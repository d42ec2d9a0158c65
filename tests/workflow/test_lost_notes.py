"""Results whose notes Snakemake has lost: those that have to be made again are, and no others."""

import json
import shutil

import pytest

from tests.workflow.work import from_training, planned, preview

MODEL = "results/models/small"


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, to be changed."""
    return finished.copy(tmp_path / "project")


def gone(project):
    shutil.rmtree(project / ".snakemake")


def emptied(project):
    """As a power cut can leave files that were just written."""
    for path in (project / ".snakemake/metadata").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")


@pytest.mark.parametrize("lose", [gone, pytest.param(emptied, marks=pytest.mark.slow)])
def test_without_notes(project, lose):
    lose(project)
    assert planned(project) == set()
    project.config["models"]["small"]["seed"] = 77
    outcome = project.snakemake("--dry-run")
    assert outcome.work == preview() | from_training(3, 6)
    assert f"{MODEL}/train/model.ckpt-3.index was made with other values of: seed: made again" in outcome.text
    assert "models.small: `seed` 0 -> 77. This changes the training from its first step on." in outcome.text


def test_the_notes_of_other_results(project):
    """Two runs whose results were swapped: Snakemake's notes of a path are those of what lay there before."""
    project.config["models"]["small"]["seed"] = 77
    for receipt in (project / "results/.checksums").rglob("*.json"):
        content = json.loads(receipt.read_text())
        if "seed" in content["made_with"]["identity"]:
            content["made_with"]["identity"]["seed"] = 77
            receipt.write_text(json.dumps(content))
    project.config["models"]["small"]["seed"] = 0
    assert {f"Training small up to step {step}" for step in (3, 6)} <= planned(project)


@pytest.mark.slow
def test_an_edited_annotation_and_a_deleted_image(project):
    gone(project)
    image = sorted((project / "photographs/images").glob("*.jpg"))[0]
    image.unlink()
    outcome = project.snakemake("--dry-run")
    assert any(work.startswith("Writing ") for work in outcome.work)


@pytest.mark.slow
def test_results_that_moved_with_their_folder(project):
    (project / "results").rename(project / "elsewhere")
    project.config["results"] = "elsewhere"
    work = planned(project)
    assert not any(one.startswith(("Training", "Evaluating", "Writing train", "Writing eval")) for one in work)
    project.config["models"]["small"]["seed"] = 77
    assert from_training(3, 6) <= planned(project)


@pytest.mark.slow
def test_results_without_receipts(project):
    shutil.rmtree(project / "results/.checksums")
    assert planned(project) == set(), "Snakemake's notes tell"
    gone(project)
    outcome = project.snakemake("--dry-run")
    assert from_training(3, 6) <= outcome.work
    assert "has no receipt of what it was made with: made again" in outcome.text


def test_damaged_notes_of_our_own(project):
    """All of them at once: what can be made anew is, with a word, and nothing runs."""
    plan = project / "results/data/plan"
    assert planned(project) == set()
    for name in ("plan.json", "stamp.json"):
        (plan / name).write_text("[]")
    for name in ("facts.txt", "contents.txt", "near_duplicates.tsv"):
        (plan / name).write_text("")
    receipts = sorted(path for path in (project / "results/.checksums").rglob("*") if path.is_file())
    for number, path in enumerate(receipts):
        path.write_text(("[1, 2]", '{"x": 5}', "{")[number % 3])
    outcome = project.snakemake("--dry-run")
    assert outcome.work == set() and "Traceback" not in outcome.text
    assert "facts.txt cannot be used (its checksum is missing)" in outcome.text
    assert f"{len(receipts)} receipts are damaged (below results/.checksums)" in outcome.text

"""A test side that is added to a finished run: what runs, what never runs again, and what the report then says."""

import json
from pathlib import Path

import pytest

from tests.workflow.work import GROUND_TRUTH, OPTIMISM, SPLIT, USUAL, described, from_evaluation, planned, records

TESTS = {f"Testing the {form.title} of small" for form in USUAL}
ADDED = (
    records("eval-00000-of-00001", "test-00000-of-00001")
    | GROUND_TRUTH
    | SPLIT
    | described()
    | (from_evaluation(3, 6) - OPTIMISM)
    | TESTS
)


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, to be changed."""
    return finished.copy(tmp_path / "project")


def side_of(project) -> dict[str, str]:
    lines = (project / "results/data/plan/split.tsv").read_text().splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t")[1] for line in lines}


def test_without_one_the_report_says_how_much_the_choice_flatters(finished):
    said = (finished / "results/comparison/answer.rst").read_text()
    assert "This figure comes from the images that chose the checkpoint, which flatters it by" in said
    found = json.loads((finished / "results/comparison/optimism.json").read_text())
    assert found["checkpoints"] == 2 and found["models"].keys() == {"small"}
    assert not list((finished / "results").rglob("*test*"))


def test_a_list_that_takes_an_image_from_the_training_says_so(project):
    moved = next(name for name, side in side_of(project).items() if side == "train")
    (project / "test.txt").write_text(moved)
    project.config["dataset"]["split"] = {"test": "test.txt"}
    outcome = project.snakemake("--dry-run")
    assert f"the training loses 1 image to the test side ({moved})" in outcome.text
    assert "Training small up to step 3" in outcome.work and outcome.work >= TESTS


def test_one_that_is_drawn_later_trains_nothing_again(project):
    before = side_of(project)
    project.config["dataset"]["split"] = {"test_fraction": 0.1}
    assert planned(project) == ADDED
    after = side_of(project)
    assert {(before[name], after[name]) for name in after if before[name] != after[name]} == {("eval", "test")}


@pytest.mark.slow
def test_every_form_is_measured_and_the_first_one_is_the_headline(project):
    trained = {path: path.read_bytes() for path in (project / "results/models/small/train").glob("model.ckpt-*")}
    project.config["dataset"]["split"] = {"test_fraction": 0.1}
    assert project.snakemake().work == ADDED
    assert all(path.read_bytes() == before for path, before in trained.items())
    found = {form.name: measured(project / f"results/models/small/test/{form.name}") for form in USUAL}
    choice = json.loads((project / "results/models/small/choice.json").read_text())
    truth = json.loads((project / "results/data/test.coco.json").read_text())
    names = {name for name, side in side_of(project).items() if side == "test"}
    assert {image["file_name"] for image in truth["images"]} == names
    for name, (metrics, analysis, detections) in found.items():
        assert (metrics["model"], metrics["step"], metrics["form"]) == ("small", choice["step"], name)
        assert metrics["images"] == len(names)
        assert {one["name"] for one in analysis["images"]} == names
        assert {row["image_id"] for row in detections} <= {image["id"] for image in truth["images"]}
    # the forms are one detector: what they find differs in the last digits at most
    first, *others = (metrics["metrics"] for metrics, *_ in found.values())
    for other in others:
        for key, value in first.items():
            assert other[key] == (None if value is None else pytest.approx(value, abs=1e-3)), key
    said = (project / "results/comparison/answer.rst").read_text()
    value = first[choice["metric"]]
    assert f"reaches mAP@.50IOU **{value:.3f}**" in said and "on the test images" in said and "flatters" not in said
    assert planned(project) == set()
    (project / "results/models/small/test/frozen_graph/metrics.json").unlink()
    assert planned(project) == {"Testing the frozen graph of small"}


def measured(folder: Path) -> list:
    return [json.loads((folder / f"{name}.json").read_text()) for name in ("metrics", "analysis", "detections")]

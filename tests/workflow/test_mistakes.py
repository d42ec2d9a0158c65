"""A mistake is told in one paragraph before any job starts, and leaves nothing half done."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.workflow.conftest import ROOT, new_project


def told(project):
    """What Snakemake says of a mistake, which must come without a traceback and before any result."""
    outcome = project.snakemake(code=1)
    assert "Traceback" not in outcome.text
    assert "Job stats" not in outcome.text
    assert not list((project.folder / "results").rglob("*.tfrecord"))
    return " ".join(outcome.text.split())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return new_project(tmp_path_factory.mktemp("drawn"), images=12)


@pytest.fixture
def project(drawn, tmp_path):
    """A copy of one drawn project, with a configuration of its own."""
    return drawn.copy(tmp_path / "project")


def test_unknown_key(project):
    project.config["models"]["small"]["num_step"] = 5
    assert "`models.small.num_step` is not a key of boxwright; did you mean `num_steps`?" in told(project)


def test_nothing_of_the_demo_leaks_into_a_configuration_of_ones_own(project):
    del project.config["models"]
    assert "`models` is missing" in told(project)


def test_missing_folder(project):
    project.config["dataset"]["images"] = "fotos"
    assert "`dataset.images` names fotos, but there is no such folder" in told(project)


def test_empty_data_set(project):
    shutil.rmtree(project / "photographs/images")
    (project / "photographs/images").mkdir()
    assert "There is no image in photographs/images" in told(project)


def test_split_without_evaluation_image(project):
    (project / "train.txt").write_text("\n".join(path.name for path in (project / "photographs/images").rglob("*.jpg")))
    (project / "eval.txt").write_text("")
    project.config["dataset"]["split"] = {"train": "train.txt", "eval": "eval.txt"}
    assert "eval" in told(project)


def test_missing_checkpoint(project):
    project.config["models"]["small"]["checkpoint"] = "zoo/model.ckpt"
    assert "`models.small.checkpoint` names zoo/model.ckpt" in told(project)


def test_unknown_field_of_the_pipeline(project):
    project.config["models"]["small"]["overrides"] = {"model.ssd.num_clases": 3}
    assert "num_classes" in told(project)


def test_a_defect_whose_policy_is_fail(project):
    (project / "photographs/annotations").joinpath("lonely.xml").write_text(
        "<annotation><filename>lonely.jpg</filename></annotation>"
    )
    project.config["dataset"]["policies"] = {"annotation_without_image": "fail"}
    text = told(project)
    assert "lonely.xml" in text
    assert "lonely.xml" in (project / "results/data/checks.tsv").read_text()


def test_a_configuration_that_the_engine_cannot_train(project):
    project.config["models"]["small"]["overrides"] = {"model.ssd.feature_extractor.type": "ssd_mobilenet_v9"}
    text = told(project)
    assert "models.small, made from" in text
    said = "model.ssd.feature_extractor.type is 'ssd_mobilenet_v9': the engine does not have this feature extractor"
    assert said in text and "Use 'ssd_mobilenet_v2' for type." in text


def test_an_override_of_what_the_run_decides(project):
    project.config["models"]["small"]["overrides"] = {"train_config.fine_tune_checkpoint": "mine/model.ckpt-9"}
    assert "Set `models.small.checkpoint` instead." in told(project)


def test_an_evaluation_side_without_objects(project):
    images = sorted((project / "photographs/images").rglob("*.jpg"))
    for path in (project / "photographs/annotations").rglob(f"{images[0].stem}.xml"):
        head, *_, tail = path.read_text().replace("</object>", "<object>").split("<object>")
        path.write_text(head + tail)
    for side, listed in (("train", images[1:]), ("eval", images[:1])):
        (project / f"{side}.txt").write_text("\n".join(path.name for path in listed))
    project.config["dataset"]["split"] = {"train": "train.txt", "eval": "eval.txt"}
    assert "The only evaluation image has no box, so no metric is defined" in told(project)


def test_anchors_that_miss_the_objects_are_warned_of(project):
    project.config["models"]["small"] |= {"num_steps": 1500, "checkpoint_every": 750, "overrides": {}}
    project.config["models"]["large"] = {**project.config["models"]["small"], "pipeline": "large.config"}
    text = (ROOT / "config/pipelines/demo_ssd.config").read_text()
    (project / "large.config").write_text(text.replace("[0.1, 0.28, 0.5,", "[0.9, 0.92, 0.93,"))
    told = " ".join(project.snakemake("-n").text.split())
    assert "models.large, made from large.config" in told and "of the boxes match an anchor at IoU 0.5" in told
    assert "models.small, made from" not in told


def test_what_only_the_file_shows(project, monkeypatch):
    """Keys given twice, and aliases that stand for more than fits into memory, are lost or fatal once it is read."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{two}: &{two} [{', '.join([f'*{one}'] * 9)}]" for one, two in zip("abcdefgh", "bcdefghi", strict=True)]
    (project / "my.yaml").write_text("\n".join(["results: one", *lines, "results: two"]))
    monkeypatch.setattr(project, "write_config", lambda: None)
    text = told(project)
    assert "my.yaml: line 7: `f` has more than 100,000 values when its aliases (*) are written out" in text
    (project / "my.yaml").write_text("results: one\nmodels: {}\nresults: two\n")
    assert "my.yaml: `results` is given twice, on line 1, line 3; keep one." in told(project)


@pytest.mark.parametrize("package", ["jsonschema", "google.protobuf", "PIL"])
def test_snakemake_of_another_environment_is_told_in_a_sentence(project, monkeypatch, package):
    lacking = project / "elsewhere"
    stub = lacking.joinpath(*package.split(".")).with_suffix(".py")
    stub.parent.mkdir(parents=True)
    stub.write_text(f"raise ModuleNotFoundError('No module', name='{package}')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(lacking), str(ROOT / "workflow")]))
    text = told(project)
    assert f"The Python of this `snakemake`, {sys.executable}, lacks the package {package}: it belongs to " in text
    assert "Type `.venv/bin/snakemake`" in text


def test_a_configuration_that_is_not_there(project, monkeypatch):
    monkeypatch.setattr(project, "write_config", lambda: None)
    (project / "my.yaml").unlink(missing_ok=True)
    assert "There is no configuration my.yaml (looked for from " in told(project)


def test_without_a_configuration_it_is_said_that_the_demo_runs(project):
    project.write_config()
    (project / "config").mkdir()
    (project / "config/config.yaml").write_text("dataset: text")
    command = project.command("-n")[:-2]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    text = " ".join(done.stderr.split())
    assert "No configuration is given, so this is the demo (config/config.yaml). For my.yaml add `--configfile " in text
    assert done.returncode == 1 and '`dataset` is "text"' in text and "Traceback" not in text

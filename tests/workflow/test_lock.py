"""Two runs on one results folder, started from two working folders."""

import json
import subprocess

import pytest

from boxwright.run import lock
from tests.workflow.conftest import new_project


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path / "one", images=12)


@pytest.fixture
def held(project, monkeypatch):
    """The lock of the project's results, held by this process, as a run from another folder would."""
    monkeypatch.setattr(lock, "_held", {})
    lock.take(project / "results")
    yield
    lock.release(project / "results")


def said(outcome) -> str:
    assert "Traceback" not in outcome.text
    return " ".join(outcome.text.split())


def test_a_run_is_refused_while_another_works(project, held):
    outcome = project.snakemake(code=1)
    assert "Another run works on the results in results: process " in said(outcome)
    assert "Job stats" not in outcome.text
    assert [path.name for path in (project / "results").iterdir()] == [".lock"]


@pytest.mark.slow
def test_what_only_reads_is_not_refused(project, held):
    before = (project / "results/.lock").read_text()
    text = said(project.snakemake("--dry-run"))
    assert "First run: nothing has been made yet." in text
    assert "A run is going on in results: process " in text and "What follows counts only what it has finished" in text
    assert not (project / "results/data").exists(), "the plan of a dry run is not written where another run works"
    project.snakemake("--summary")
    assert "Another run works on the results" in said(project.snakemake("--unlock", code=1))
    project.snakemake("--nolock", "results/data/label_map.pbtxt")
    assert (project / "results/.lock").read_text() == before


@pytest.mark.slow
def test_a_lock_that_another_machine_left(project):
    left = lock.Holder("node7", "another", 4711, "2026-01-02 03:04:05+00:00", "/home/me")
    (project / "results").mkdir()
    (project / "results/.lock").write_text(json.dumps(left._asdict()))
    text = said(project.snakemake("results/data/label_map.pbtxt", code=1))
    assert "process 4711 on node7, started 2026-01-02 03:04:05+00:00 in /home/me" in text and "`--unlock`" in text
    project.snakemake("--unlock")
    project.snakemake("results/data/label_map.pbtxt")
    assert (project / "results/.lock").read_text() == ""


@pytest.mark.slow
def test_of_two_runs_one_is_refused_and_the_other_undisturbed(project, tmp_path):
    other = project.copy(tmp_path / "two")
    for one in (project, other):
        one.config["results"] = str(tmp_path / "shared_results")
        one.write_config()
    first = subprocess.Popen(
        project.command("--until", "choose_checkpoint"),  # lasts longer than the other one takes to start
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (tmp_path / "shared_results/.lock").exists():
        assert first.poll() is None
    text = said(other.snakemake("--until", "describe_dataset", code=1))
    assert f"process {first.pid} on " in text and f"in {project.folder}" in text
    told, _ = first.communicate(timeout=300)
    assert first.returncode == 0, told
    assert other.snakemake("--until", "choose_checkpoint", "--dry-run").work == set()

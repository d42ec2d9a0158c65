"""How others install and try the workflow: the catalog's short run, and what the container calls."""

import re
import subprocess
import sys

import pytest

from tests.workflow.conftest import ROOT


def snakemake(folder, *arguments) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_short_run_is_planned(checkout):
    said = snakemake(checkout, "--directory", ".test", "--dry-run")
    assert "training of short (20 steps)" in said
    assert not (checkout / "resources/demo").exists() and not (checkout / "results/data").exists()


@pytest.mark.slow
def test_the_short_run_ends_with_a_report(checkout):
    snakemake(checkout, "--directory", ".test")
    snakemake(checkout, "--directory", ".test", "--report", "report.html")
    assert (checkout / ".test/report.html").stat().st_size > 1e6
    assert (checkout / ".test/results/models/short/fine_tuned_model/frozen_inference_graph.pb").is_file()


def test_what_the_container_calls(project):
    """The definition cannot be built here; its run script works from any folder."""
    definition = (ROOT / "envs/boxwright.def").read_text()
    call = re.search(r"^%runscript\n +exec snakemake (.*) \"\$@\"$", definition, re.MULTILINE)[1]
    arguments = call.replace("/opt/boxwright", str(ROOT)).split()
    project.write_config()
    said = snakemake(project.folder, *arguments, "--dry-run", "--configfile", "my.yaml")
    assert "training of small (6 steps)" in said

"""Photographs that come from a web server."""

import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.workflow.conftest import ROOT

FETCH = ROOT / "docs/storage/Snakefile"


@pytest.fixture
def server(tmp_path):
    """A folder that is served, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def fetch(project, address: str) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(FETCH),
        "--cores",
        "1",
        "--workflow-profile",
        "none",
    ]
    return subprocess.run(
        [*command, "--config", f"archive={address}"], cwd=project.folder, capture_output=True, text=True, timeout=300
    )


def test_photographs_of_a_web_server_are_fetched_once_and_trained_on(project, server):
    folder, address = server
    with tarfile.open(folder / "photographs.tar.gz", "w:gz") as archive:
        for name in ("images", "annotations"):
            archive.add(project / "photographs" / name, name)
    (project / "photographs").rename(project / "originals")
    done = fetch(project, f"{address}/photographs.tar.gz")
    assert done.returncode == 0, done.stderr
    names = {path.relative_to(project / "originals") for path in (project / "originals").rglob("*")}
    assert {path.relative_to(project / "photographs") for path in (project / "photographs").rglob("*")} >= names
    assert project.snakemake("--dry-run").jobs["write_records"] == 3
    again = fetch(project, f"{address}/photographs.tar.gz")
    assert "Nothing to be done" in again.stderr, again.stderr


def test_an_archive_that_is_not_there_is_named(project, server):
    _, address = server
    (project / "photographs").rename(project / "originals")
    done = fetch(project, f"{address}/nothing.tar.gz")
    assert done.returncode == 1
    assert "nothing.tar.gz" in done.stdout + done.stderr

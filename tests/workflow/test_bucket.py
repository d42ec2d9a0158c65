"""Runs whose files lie in a bucket, which a server on this machine keeps; Kubernetes carries its files that way."""

import os
import socket
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tests.workflow.conftest import ROOT, small_model

pytestmark = pytest.mark.slow

FETCH = ROOT / "docs/storage/Snakefile"
KEY = "test"


@dataclass(frozen=True)
class Bucket:
    """The bucket `boxes` of a server at `address`."""

    address: str

    @property
    def client(self):
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
        return boto3.client("s3", endpoint_url=self.address, region_name="us-east-1", **keys)

    @property
    def options(self) -> list[str]:
        return ["--storage-s3-endpoint-url", self.address]

    def names(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="boxes")
        return {found["Key"] for page in pages for found in page.get("Contents", [])}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with the server and with the plugin for Kubernetes, which are not in the environment."""
    uv = Path(sys.prefix).resolve().parent / ".uv/bin/uv"
    if not uv.exists():
        pytest.skip("uv is not where `make env` puts it")
    folder = tmp_path_factory.mktemp("packages")
    freeze = [uv, "pip", "freeze", "--python", sys.executable, "--exclude-editable"]
    versions = folder / "versions.txt"
    versions.write_bytes(subprocess.run(freeze, check=True, capture_output=True).stdout)
    install = [uv, "pip", "install", "--python", sys.executable, "--target", folder, "--constraint", versions]
    wanted = ["moto[s3,server]", "snakemake-executor-plugin-kubernetes==0.5.*"]
    done = subprocess.run([*install, *wanted], capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"moto and the plugin for Kubernetes cannot be installed: {done.stderr.strip()}")
    return folder


@pytest.fixture
def bucket(packages, monkeypatch, tmp_path):
    """An empty bucket, reachable by the Snakemake of this test."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(packages), *filter(None, sys.path)]))
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", KEY)
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", KEY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
    try:
        found = Bucket(f"http://127.0.0.1:{port}")
        _create(found, until=time.monotonic() + 60)
        yield found
    finally:
        server.terminate()
        server.wait()


def _create(bucket: Bucket, until: float) -> None:
    """Make the bucket as soon as its server answers."""
    while True:
        try:
            bucket.client.create_bucket(Bucket="boxes")
            return
        except EndpointConnectionError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.2)


def with_absolute_paths(project):
    """The project as a run without a shared file system needs it."""
    project.config["results"] = str(project / "results")
    for name in ("images", "annotations"):
        project.config["dataset"][name] = str(project / project.config["dataset"][name])
    return project


def test_a_whole_run_goes_through_a_bucket(project, bucket):
    project = with_absolute_paths(project)
    storage = ["--default-storage-provider", "s3", "--default-storage-prefix", "s3://boxes/run", *bucket.options]
    shared = ["--shared-fs-usage", "persistence", "software-deployment", "sources", "source-cache"]
    project.snakemake(*storage, *shared)
    model = f"run/{project / 'results'}/models/small".replace("//", "/")
    keys = {key.replace("//", "/") for key in bucket.names()}
    wanted = ["train/model.ckpt-6.index", "eval/6/metrics.json", "fine_tuned_model/saved_model/saved_model.pb"]
    assert {f"{model}/{name}" for name in wanted} <= keys
    assert any(key.startswith(f"{model}/predictions/") for key in keys)
    again = project.snakemake(*storage, *shared)
    assert "Nothing to be done" in again.text, again.text


def test_a_dry_run_for_kubernetes(project, bucket):
    project = with_absolute_paths(project)
    project.config["models"] = {"small": small_model(gpus=1)}
    profile = ["--profile", str(ROOT / "profiles/kubernetes"), "--default-storage-prefix", "s3://boxes/run"]
    outcome = project.snakemake("--dry-run", *profile, *bucket.options)
    assert outcome.jobs["train_segment"] == 2
    assert outcome.jobs["export_detector"] == outcome.jobs["export_saved_model"] == 1
    assert "First run: nothing has been made yet." in outcome.text


def test_photographs_come_from_a_bucket_and_a_folder_goes_into_it(project, bucket, tmp_path):
    archive = tmp_path / "photographs.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name in ("images", "annotations"):
            file.add(project / "photographs" / name, name)
    bucket.client.upload_file(str(archive), "boxes", "in/photographs.tar.gz")
    (project / "photographs").rename(project / "originals")
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(FETCH), "--cores", "1"]
    snakemake += ["--workflow-profile", "none", *bucket.options, "--config"]
    for what in (["archive=s3://boxes/in/photographs.tar.gz"], ["detector=originals", "to=s3://boxes/out/all.tar.gz"]):
        done = subprocess.run([*snakemake, *what], cwd=project.folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    names = {path.relative_to(project / "originals") for path in (project / "originals").rglob("*")}
    assert {path.relative_to(project / "photographs") for path in (project / "photographs").rglob("*")} >= names
    assert "out/all.tar.gz" in bucket.names()

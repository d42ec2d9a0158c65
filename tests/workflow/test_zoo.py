"""Models that start from a detector of the zoo, which here comes from a folder that serves as a mirror."""

import shutil
import tarfile

import numpy as np
import pytest

from boxwright.checkpoints import checkpoint_files, checkpoint_index
from boxwright.detector import listing
from boxwright.detector.build import build
from boxwright.pipeline import text
from tests.workflow.conftest import ROOT, small_model

# Without a published checksum, so that any archive will do.
NAME = "ssd_mobilenet_v1_quantized_300x300_coco14_sync_2018_07_18"


@pytest.fixture
def project(project, tmp_path_factory, monkeypatch):
    published, mirror = tmp_path_factory.mktemp("published"), tmp_path_factory.mktemp("mirror")
    shutil.copy(ROOT / "config/pipelines/demo_ssd.config", published / "pipeline.config")
    config = text.read(published / "pipeline.config")
    shapes = listing.variables(build(config.model))["shapes"]
    checkpoint_files.write(published / "model.ckpt", {name: np.zeros(shape, "f4") for name, shape in shapes.items()})
    with tarfile.open(mirror / f"{NAME}.tar.gz", "w:gz") as tar:
        tar.add(published, NAME)
    monkeypatch.setenv("BOXWRIGHT_ZOO_MIRROR", mirror.as_uri())
    project.config["models"] = {"small": small_model(checkpoint=f"zoo:{NAME}")}
    return project


def test_with_a_pipeline_of_ones_own_the_download_is_a_job(project):
    planned = project.snakemake("--dry-run")
    assert planned.jobs["fetch_zoo_model"] == 1
    assert not (project / "resources/zoo").exists()
    folder = f"resources/zoo/{NAME}"
    assert project.snakemake("--until", "fetch_zoo_model").jobs == {"fetch_zoo_model": 1}
    assert "FeatureExtractor/MobilenetV1/Conv2d_0/weights" in checkpoint_index.names(project / folder)
    assert "fetch_zoo_model" not in project.snakemake("--dry-run").jobs


def test_without_one_the_archive_is_here_before_the_run_is_planned(project):
    del project.config["models"]["small"]["pipeline"]
    refused = project.snakemake("--dry-run", code=1)
    assert "a dry run downloads nothing" in refused.text
    assert f"boxwright fetch {NAME}" in refused.text
    assert not (project / "resources/zoo").exists()
    outcome = project.snakemake("--until", "write_label_map")
    assert outcome.jobs == {"write_label_map": 1}
    assert outcome.text.count(f"Downloading {NAME}") == 1
    planned = project.snakemake("--dry-run")
    assert "Downloading" not in planned.text
    assert "fetch_zoo_model" not in planned.jobs
    assert planned.jobs["configure_pipeline"] == 1

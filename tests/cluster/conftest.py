"""A Slurm cluster of one node, or a plain word about what it lacks here."""

import pytest

from tests.cluster import slurm


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if reason := slurm.missing():
        pytest.skip(reason)
    with slurm.running(tmp_path_factory.mktemp("slurm")) as running:
        yield running

"""Fixtures for the tests of the data set's reading and planning."""

import os

import pytest
from tests.factories import DataSet


@pytest.fixture
def dataset(tmp_path) -> DataSet:
    return DataSet(tmp_path / "data")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Hundreds of small plans are written here, and none has to survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda file: None)

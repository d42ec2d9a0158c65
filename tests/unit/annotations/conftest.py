"""Fixtures for the tests of the data set's reading and planning."""

import pytest
from tests.factories import DataSet


@pytest.fixture
def dataset(tmp_path) -> DataSet:
    return DataSet(tmp_path / "data")

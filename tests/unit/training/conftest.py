"""Fixtures of the training tests."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from training_data import TINY_SSD, write_records

from boxwright import protos


@pytest.fixture
def config():
    return text_format.Parse(TINY_SSD, protos.TrainEvalPipelineConfig())


@pytest.fixture(scope="session")
def records(tmp_path_factory) -> list[Path]:
    return write_records(tmp_path_factory.mktemp("records"), count=11, shards=2)

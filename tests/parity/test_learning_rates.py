"""Learning rates equal the OD API's, step by step, over every recorded schedule."""

import json

import numpy as np
import pytest
from google.protobuf import text_format

from boxwright import protos
from boxwright.catalog import check
from boxwright.core.errors import UserError
from boxwright.pipeline import parts
from boxwright.training import schedules


@pytest.fixture(scope="module")
def tables(shared) -> dict:
    golden = json.loads((shared / "parity/optimizer_steps/golden.json").read_text())
    return golden["learning_rate_tables"]


def parse(text: str):
    return text_format.Parse(text, protos.LearningRate())


def test_every_recorded_schedule_step_by_step(tables):
    accepted = {name: table for name, table in tables.items() if not table.get("refused")}
    assert len(accepted) == 20
    for name, table in accepted.items():
        rate = schedules.make(parts.numbers(parse(table["config"])))
        rates = [rate(step) for step in range(len(table["values"]))]
        # float32 in the recording: a few units in the last place
        np.testing.assert_allclose(rates, table["values"], rtol=1e-6, atol=1e-9, err_msg=name)


def test_refused_configurations_are_refused(tables):
    refused = {name: table for name, table in tables.items() if table.get("refused")}
    assert len(refused) == 5
    for table in refused.values():
        with pytest.raises(UserError):
            check.require(parse(table["config"]), "learning_rate")

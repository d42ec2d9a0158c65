"""Records made on demand are those of a shard, to the byte of the image."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests import factories

from boxwright import tfrecord
from boxwright.core.errors import UserError
from boxwright.dataset import gate
from boxwright.dataset.samples import Box, Sample, boxes_from_json
from boxwright.records import shards
from boxwright.records.example import from_example
from boxwright.records.on_demand import OnDemand

LABEL_MAP = {"cat": 1, "dog": 2}


@pytest.fixture
def samples(tmp_path):
    data = factories.DataSet(tmp_path / "data")
    data.fill(4)
    data.sample("grey.png", data=factories.encode(factories.pixels()[..., 0], "PNG"))
    data.sample("turned.jpg", data=factories.photo(3, orientation=6))
    data.sample("region.jpg", Box("cat", 8, 6, 40, 30), Box("dog", 20, 20, 20.5, 40))  # the second is under a pixel
    return gate.check([str(data.images)], [str(data.annotations)]).samples


def test_the_same_records_as_in_a_shard(samples, tmp_path):
    whole = [Sample(*one[:7], boxes_from_json(one.boxes), boxes_from_json(one.regions)) for one in samples]
    (tmp_path / "all.jsonl").write_text("".join(f"{one.to_json()}\n" for one in whole))
    shards.write_shard(tmp_path / "all.jsonl", LABEL_MAP, tmp_path / "all.tfrecord")
    written = [from_example(data) for data in tfrecord.Index([tmp_path / "all.tfrecord"])]
    on_demand = OnDemand(samples, LABEL_MAP)
    assert len(on_demand) == len(written) == 7
    assert any(record.is_crowd.any() for record in written)
    for position in (3, 0, 6, 5, 4, 1, 2):
        for field in dataclasses.fields(written[position]):
            one, other = (getattr(record, field.name) for record in (written[position], on_demand[position]))
            assert np.array_equal(one, other), field.name


def test_an_image_that_changed_is_refused(samples):
    with Path(samples[0].image).open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match="has changed"):
        OnDemand(samples, LABEL_MAP)[0]

"""A label map with gaps in its ids: the same numbers as without, whatever the detector says of the ids between."""

import dataclasses

import numpy as np
from tests.unit.evaluation.sets import found_of, random_set

from boxwright.evaluation.data import Dataset
from boxwright.evaluation.measure import measure


def test_gaps_change_no_number():
    dataset, found = random_set(3)
    plain = measure(dataset, found)
    apart = {name: 3 * number for name, number in dataset.label_map.items()}
    truth = dataclasses.replace(dataset.truth, classes=3 * dataset.truth.classes)
    columns = (found.image, found.boxes, found.scores, 3 * found.classes)
    # Each detection again, of a class that the label map leaves out.
    twice = [np.concatenate([column, column]) for column in columns]
    twice[3][len(found) :] += 1
    order = np.argsort(twice[0], kind="stable")
    gaps = measure(Dataset(dataset.images, truth, apart), found_of(*(column[order] for column in twice)))
    assert gaps.metrics == plain.metrics and gaps.undefined == plain.undefined
    assert [one["id"] for one in gaps.analysis["classes"]] == list(apart.values())
    for one, other in zip(gaps.analysis["classes"], plain.analysis["classes"], strict=True):
        assert one | {"id": 0} == other | {"id": 0}
    assert gaps.analysis["errors"] == plain.analysis["errors"]
    for image in plain.analysis["images"]:
        image["missed_boxes"] = [one | {"category_id": 3 * one["category_id"]} for one in image["missed_boxes"]]
    assert gaps.analysis["images"] == plain.analysis["images"]

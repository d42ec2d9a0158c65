"""Ultralytics' NDJSON."""

import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import ndjson

DATASET = {"type": "dataset", "task": "detect", "class_names": {"0": "cat", "1": "dog"}}


def image(*boxes, kind="boxes", **more):
    item = {"type": "image", "file": "a.jpg", "width": 200, "height": 100, "split": "val"}
    return item | ({"annotations": {kind: list(boxes)}} if boxes else {}) | more


def data(*lines):
    return "\n".join(map(json.dumps, lines)).encode()


def read(*lines):
    return ndjson.read(data(DATASET, *lines), {})


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        ("boxes", [1, 0.5, 0.5, 0.2, 0.4], ("dog", (0.4, 0.3, 0.6, 0.7))),
        ("pose", [0, 0.5, 0.5, 0.2, 0.4, 0.1, 0.1, 2], ("cat", (0.4, 0.3, 0.6, 0.7))),
        ("segments", [0, 0.1, 0.2, 0.3, 0.2, 0.2, 0.6], ("cat", (0.1, 0.2, 0.3, 0.6), "polygon")),
        ("obb", [0, 0.1, 0.2, 0.3, 0.2, 0.3, 0.6, 0.1, 0.6], ("cat", (0.1, 0.2, 0.3, 0.6), "rotated")),
    ],
)
def test_rows(kind, row, expected, brief):
    reading = read(image(row, kind=kind), image(file="b.jpg"))
    assert brief(reading) == {"a.jpg": [expected], "b.jpg": []}
    first = reading.statements[0]
    assert (first.width, first.height, first.unit, first.split) == (200, 100, "normalised", "val")


def test_a_value_that_is_no_number():
    (box,) = read(image([0, "x", 0.5, 0.2, 0.4])).statements[0].boxes
    assert math.isnan(box.xmin)


def test_without_names_a_class_keeps_its_number(brief):
    assert brief(ndjson.read(data(image([3.0, 0.5, 0.5, 0.2, 0.4])), {}))["a.jpg"][0][0] == "3"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (image([2, 0.5, 0.5, 0.2, 0.4]), "line 2: row 1 of boxes has the class 2; the data set has 2 names"),
        (image([0, 0.5, 0.5, 0.2]), "line 2: row 1 of boxes has 4 values"),
        (image([0, 0.5, 0.5, 0.2, 0.4, 0.9]), "line 2: row 1 of boxes has 6 values, not 5"),
        (image([0, 120, 90, 40, 30]), "line 2: its numbers are over 1, but they should be shares"),
        (image([0, 0.5, 0.5, 0.2], kind="segments"), "line 2: row 1 of segments has 4 values"),
        (image(0, kind="classification"), "line 2: row 1 of classification is no box"),
        (image(file=""), 'line 2: it has no "file"'),
        ({"type": "video"}, 'line 2: it has another "type"'),
        ([1], "line 2: it is not an object"),
    ],
)
def test_mistakes(line, reason):
    with pytest.raises(UserError, match=reason):
        read(line)


def test_a_broken_line():
    with pytest.raises(UserError, match="line 2: it is not valid JSON: line 1, column 9"):
        ndjson.read(data(DATASET) + b'\n{"type":', {})


def test_recognition():
    assert ndjson.sniff(data(DATASET), "a.ndjson")
    assert not ndjson.sniff(b'{"source-ref": "s3://b/a.jpg"}', "a.jsonl")

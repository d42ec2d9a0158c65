"""AutoML's and Vertex AI's CSV."""

import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import automl_csv


def read(*lines):
    return automl_csv.read("\n".join(lines).encode(), {})


@pytest.mark.parametrize(
    "values",
    [
        "0.1,0.2,,,0.4,0.6,,",
        "0.1,0.2,,,0.4,0.6",
        "0.1,0.2,0.4,0.6",
        "0.1,0.2,0.4,0.2,0.4,0.6,0.1,0.6",
    ],
)
@pytest.mark.parametrize("start", ["TRAIN,", "", "unassigned,"])
def test_boxes(start, values, brief):
    reading = read(f"{start}gs://bucket/a/b%20c.jpg,cat,{values}")
    assert brief(reading) == {"/a/b%20c.jpg": [("cat", (0.1, 0.2, 0.4, 0.6))]}
    assert reading.statements[0].split == ("TRAIN" if start == "TRAIN," else "")
    assert reading.statements[0].unit == "normalised"


def test_rows_of_one_image_and_of_one_without_objects(brief):
    reading = read(
        "TRAIN,gs://b/a.jpg,cat,0,0,,,1,1,,",
        '"TEST","gs://b/c.jpg","","",,,,,,,',
        "TRAIN,gs://b/a.jpg,dog,0,0,,,0.5,1,,",
    )
    assert {image: len(boxes) for image, boxes in brief(reading).items()} == {"/a.jpg": 2, "/c.jpg": 0}
    assert [one.split for one in reading.statements] == ["TRAIN", "TEST"]
    assert reading.statements[0].places == ("line 1", "line 3")


@pytest.mark.parametrize("values", ["0.1,x,,,0.4,0.6,,", "0.1,0.2,,,,,,", "0.1,0.2,,,0.4,,,"])
def test_numbers_that_cannot_be_read(values):
    (box,) = read(f"TRAIN,gs://b/a.jpg,cat,{values}").statements[0].boxes
    assert any(map(math.isnan, box.corners))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("TRAIN,gs://b/c.jpg,cat", "line 2 has a class and no box"),
        ("TRAIN,gs://b/c.jpg,cat,10,20,,,40,60,,", "line 2: its numbers are over 1, but they should be shares"),
        ("TRAIN,cat,0,0,,,1,1,,", r"line 2 has no image where its address should be \(cat\)"),
        ("TRAIN", r"line 2 has no image where its address should be \(nothing\)"),
        ("TRAIN,gs://b/c.jpg,cat,0,0,,,1,1,,,0.5", "line 2 has 9 values behind its class"),
    ],
)
def test_mistakes(line, reason):
    with pytest.raises(UserError, match=reason):
        read("TRAIN,gs://b/a.jpg,cat,0,0,,,1,1,,", line)


def test_recognition():
    assert automl_csv.sniff(b"TRAIN,gs://b/a.jpg,cat", "a.csv")
    assert automl_csv.sniff(b"gs://b/a.jpg,cat", "a.csv")
    assert not automl_csv.sniff(b"filename,width,height,class", "a.csv")
    assert not automl_csv.sniff(b"train/a.jpg,1,2,3,4,cat", "a.csv")

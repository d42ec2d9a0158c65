"""Create ML's JSON, today's and the older one."""

import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import createml


def item(*boxes, image="a.jpg"):
    objects = [
        {"label": name, "coordinates": dict(zip(("x", "y", "width", "height"), values, strict=True))}
        for name, *values in boxes
    ]
    return {"image": image, "annotations": objects}


def read(*items):
    return createml.read(json.dumps(items).encode(), {})


def test_a_centre_and_a_size(brief):
    assert brief(read(item(("cat", 50, 60.5, 20, 11)), item(image="b.jpg"))) == {
        "a.jpg": [("cat", (40, 55, 60, 66))],
        "b.jpg": [],
    }


def test_the_older_words(brief):
    one = item(("cat", 50, 60, 20, 10))
    assert brief(read({"imagefilename": "a.jpg", "annotation": one["annotations"]})) == {
        "a.jpg": [("cat", (40, 55, 60, 65))]
    }


def test_labels_and_numbers_of_other_kinds():
    one = item((7, "50", "60", "20", "10"), (None, 1, 2, 3, None))
    first, second = read(one).statements[0].boxes
    assert (first.class_name, first.corners) == ("7", (40, 55, 60, 65))
    assert second.class_name == ""
    assert math.isnan(second.ymin)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[\n {"image": "a.jpg",}\n]', "line 2, column"),
        (b"{}", "not a list of images"),
        (json.dumps([item(), 5]).encode(), "image 2 is not an object but 5"),
        (json.dumps([{"annotations": []}]).encode(), 'image 1 has no "image"'),
        (json.dumps([{"image": "a.jpg", "annotations": "cat"}]).encode(), "annotations of whole images"),
        (json.dumps([{"image": "a.jpg", "annotations": [3]}]).encode(), r"annotation 1 of image 1 \(a.jpg\)"),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        createml.read(data, {})


def test_recognition():
    assert createml.sniff(json.dumps([item(("cat", 1, 2, 3, 4))]).encode(), "a.json")
    assert createml.sniff(b'[{"image": "a.jpg", "annotations": []}]', "a.json")
    assert not createml.sniff(b'[{"image": "a.jpg", "id": 1, "label": [{"x": 1, "original_width": 3}]}]', "a.json")
    assert not createml.sniff(b'{"image": "a.jpg"}', "a.json")

"""KITTI's labels."""

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import kitti

REST = "-1 -1 -1 -1000 -1000 -1000 -10"


def label(name="cat", corners="10.00 20.00 40.50 60.00", truncated="0.00", occluded="0"):
    return f"{name} {truncated} {occluded} -10 {corners} {REST}"


def boxes(text):
    (statement,) = kitti.read(text.encode(), {}).statements
    assert statement.image == ""
    return statement.boxes


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " "], ids=["unix", "windows", "mac", "none"])
def test_boxes(end):
    found = boxes(end.join([label(), label("Straße", truncated="0.35", occluded="2"), ""]))
    assert [(box.class_name, box.corners, box.truncated, box.flags) for box in found] == [
        ("cat", (10, 20, 40.5, 60), False, ""),
        ("Straße", (10, 20, 40.5, 60), True, "occluded"),
    ]


def test_a_region_is_to_be_ignored():
    (box,) = boxes(label("DontCare", truncated="-1", occluded="-1"))
    assert (box.class_name, box.corners, box.flags) == ("", (10, 20, 40.5, 60), "ignore")


def test_a_type_of_two_words():
    assert boxes(label("traffic sign"))[0].class_name == "traffic sign"


def test_no_objects():
    assert boxes("") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (label() + " 0.97", "line 1 has 16 words: a result of KITTI with a score"),
        (label() + "\n\ncat 1 2 3", "line 3 has 4 words; a label of KITTI is a type and 14 numbers"),
        (label(corners="10 20 x 60"), "line 1 has 15 words"),
    ],
)
def test_mistakes(text, reason):
    with pytest.raises(UserError, match=reason):
        boxes(text)


def test_recognition():
    assert kitti.sniff(label().encode(), "a.txt")
    assert not kitti.sniff(b"0 0.5 0.5 0.1 0.1", "a.txt")
    assert not kitti.sniff((label() + " 0.9").encode(), "a.txt")

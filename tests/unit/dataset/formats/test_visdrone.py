"""VisDrone's annotations of images."""

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import visdrone


def boxes(text):
    (statement,) = visdrone.read(text.encode(), {}).statements
    return statement.boxes


def test_boxes():
    found = boxes("10,20,30,40,1,4,0,0\n10,20,30,40,1,1,1,2,\n0,0,9,9,0,0,0,0\n")
    assert [(box.class_name, box.corners, box.truncated, box.flags) for box in found] == [
        ("car", (10, 20, 40, 60), False, ""),
        ("pedestrian", (10, 20, 40, 60), True, "occluded"),
        ("", (0, 0, 9, 9), False, "ignore"),
    ]


def test_no_objects():
    assert boxes("") == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("10,20,30,40,1,4,0", "line 2 has 7 values; VisDrone's have 8"),
        ("10,20,30,40,1,12,0,0", "line 2 has the category 12; VisDrone's are 0 to 11"),
        ("10,20,30,40,1,x,0,0", "line 2 has the category x"),
    ],
)
def test_mistakes(line, reason):
    with pytest.raises(UserError, match=reason):
        boxes(f"10,20,30,40,1,4,0,0\n{line}")


def test_recognition():
    assert visdrone.sniff(b"10,20,30,40,1,4,0,0\n10,20,", "0001.txt")
    assert not visdrone.sniff(b"10,20,30,40,1,4,0,0\n", "gt.txt")
    assert not visdrone.sniff(b"1,1,21.00,31.00,60.00,60.00,1,1,1.0\n", "a.txt")

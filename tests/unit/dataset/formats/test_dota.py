"""DOTA's labels."""

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import dota

HEAD = "imagesource:GoogleEarth\ngsd:0.5\n"
UPRIGHT = "20.0 30.0 80.0 30.0 80.0 90.0 20.0 90.0"


def boxes(text):
    (statement,) = dota.read(text.encode(), {}).statements
    return statement.boxes


@pytest.mark.parametrize("head", ["", HEAD])
def test_boxes(head):
    found = boxes(
        f"{head}{UPRIGHT} cat 0\n164 67.7 216 97.7 196 132.3 144 102.3 dog 1\r\n"
        f"{UPRIGHT} small vehicle 2\n{UPRIGHT} cat"
    )
    assert [(box.class_name, box.corners, box.shape, box.difficult) for box in found] == [
        ("cat", (20, 30, 80, 90), "", False),
        ("dog", (144, 67.7, 216, 132.3), "rotated", True),
        ("small vehicle", (20, 30, 80, 90), "", True),
        ("cat", (20, 30, 80, 90), "", False),
    ]


def test_no_objects():
    assert boxes(HEAD) == ()


@pytest.mark.parametrize("line", ["20 30 80 30 80 90 20 cat 0", "20 30 80 x 80 90 20 90 cat 0", f"{UPRIGHT} 3"])
def test_mistakes(line):
    with pytest.raises(UserError, match=r"line 3 is '.*'; a label of DOTA is eight numbers, a class and a difficulty"):
        boxes(f"{HEAD}{line}")


def test_recognition():
    assert dota.sniff(HEAD.encode(), "a.txt")
    assert dota.sniff(f"{UPRIGHT} cat 0".encode(), "a.txt")
    assert not dota.sniff(b"0 0.1 0.2 0.3 0.2 0.3 0.4 0.1 0.4", "a.txt")

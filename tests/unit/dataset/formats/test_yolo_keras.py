"""The text of YOLO for Keras."""

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import yolo_keras

NAMES = {"_classes.txt": b"cat\r\ndog\r\n"}


def read(text, beside=NAMES):
    return yolo_keras.read(text.encode(), beside)


def test_boxes(brief):
    reading = read("a.jpg\t10,20,40,60,0 1,2.5,30,40,1\nsome folder/b c.png 5,6,7,8,1\nd.jpg\n\n")
    assert brief(reading) == {
        "a.jpg": [("cat", (10, 20, 40, 60)), ("dog", (1, 2.5, 30, 40))],
        "some folder/b c.png": [("dog", (5, 6, 7, 8))],
        "d.jpg": [],
    }
    assert reading.statements[0].places == ("line 1", "line 1")


def test_lines_about_one_image_belong_together(brief):
    assert brief(read("a.jpg 10,20,40,60,0\nb.jpg 1,2,3,4,0\na.jpg 1,2,30,40,1")) == {
        "a.jpg": [("cat", (10, 20, 40, 60)), ("dog", (1, 2, 30, 40))],
        "b.jpg": [("cat", (1, 2, 3, 4))],
    }


def test_corners_in_any_order_are_told(brief):
    reading = read("a.jpg 40,20,10,60,0 1,2,3,4,1 9,9,8,8,1")
    assert [corners for _, corners in brief(reading)["a.jpg"]] == [(10, 20, 40, 60), (1, 2, 3, 4), (8, 8, 9, 9)]
    ((defect, detail, *_),) = reading.remarks
    assert (defect, detail.partition(" their")[0]) == ("annotation_odd", "2 boxes have")


def test_a_name_with_a_comma(brief):
    assert brief(read("a, b,1.jpg 1,2,3,4,0")) == {"a, b,1.jpg": [("cat", (1, 2, 3, 4))]}


def test_without_names_a_class_keeps_its_number(brief):
    assert brief(read("a.jpg 1,2,3,4,7", {}))["a.jpg"][0][0] == "7"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b.jpg 1,2,3,4,2", "line 2 has the class 2; there are 2 names"),
        ("b.jpg 1,2,3,4,0.5", "line 2 has the class 0.5"),
        ("b.jpg 1,2,3,4", "line 2 has '1,2,3,4', which is no box"),
        ("b.jpg 1,2,x,4,0", "line 2 has '1,2,x,4,0', which is no box"),
        ("b 1,2,3,4,0", "line 2 does not begin with the name of an image"),
        ("b.jpg 1,2,3,4,0 cat", "line 2 does not begin with the name of an image"),
    ],
)
def test_mistakes(line, reason):
    with pytest.raises(UserError, match=reason):
        read(f"a.jpg 1,2,3,4,0\n{line}")


def test_recognition():
    assert yolo_keras.sniff(b"a.jpg 1,2,3,4,0\nb.jpg\nc.jp", "_annotations.txt")
    assert not yolo_keras.sniff(b"a.jpg\nb.jpg\n", "train.txt")
    assert not yolo_keras.sniff(b"0 0.5 0.5 0.1 0.1\n", "a.txt")

"""MOTChallenge's ground truth."""

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import mot

LABELS = {"labels.txt": "cat\nStraßen schild\n".encode()}
SEQUENCE = {"../seqinfo.ini": b"[Sequence]\nname=s\nimDir=img1\nseqLength=4\nimExt=.png\n"}


def read(text, **beside):
    return mot.read(text.encode(), beside.get("beside", {}))


def test_boxes_count_from_one(brief):
    reading = read("1,1,21.00,31,60,40,1,2,1.0\n3,1,1,1,5,5,0,1,0.2\n", beside=LABELS | SEQUENCE)
    assert brief(reading) == {
        "000001.png": [("Straßen schild", (20, 30, 80, 70))],
        "000002.png": [],
        "000003.png": [("", (0, 0, 5, 5), "ignore")],
        "000004.png": [],
    }


def test_without_a_file_about_the_sequence(brief):
    assert brief(read("2,1,21,31,60,40,1,2,1.0")) == {"000001": [], "000002": [("2", (20, 30, 80, 70))]}


@pytest.mark.parametrize("row", ["1,1,21,31,60,40", "1,1,21,31,60,40,1,-1,-1,-1"])
def test_a_row_without_a_class(row, brief):
    assert brief(read(row, beside=LABELS | SEQUENCE))["000001.png"] == [("cat", (20, 30, 80, 70))]
    assert [one.about for one in read(row).remarks] == ["1"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,1,21,31,60", "line 2 has 5 values; MOT's have 6 to 10"),
        ("0,1,21,31,60,40,1,1,1", "line 2 has the frame 0; frames are whole numbers from 1"),
        ("1.5,1,21,31,60,40,1,1,1", "line 2 has the frame 1.5"),
        ("99999999999,1,21,31,60,40,1,1,1", "line 2 has the frame 99999999999"),
        ("1,1,21,31,60,40,1,3,1", "line 2 has the class 3; labels.txt has 2 names"),
        ("1,-1,21,31,60,40,0.83,-1,-1,-1", r"line 2 has a score \(0.83\)"),
    ],
)
def test_mistakes(row, reason):
    with pytest.raises(UserError, match=reason):
        read(f"1,1,21,31,60,40,1,1,1\n{row}", beside=LABELS | SEQUENCE)


def test_what_cvat_writes_counts_from_zero(brief):
    """Its export has the names of the classes and nothing about the sequence."""
    assert brief(read("0,1,0.0,10.0,20.0,30.0,1,1,1.0\n2,1,5.0,10.0,20.0,30.0,1,2,0.0\n", beside=LABELS)) == {
        "000000": [("cat", (0, 10, 20, 40))],
        "000001": [],
        "000002": [("Straßen schild", (5, 10, 25, 40))],
    }
    assert list(brief(read("2,1,5.0,10.0,20.0,30.0,1,2,0.0", beside=LABELS))) == ["000001", "000002"]
    with pytest.raises(UserError, match="frames are whole numbers from 0"):
        read("-1,1,5.0,10.0,20.0,30.0,1,2,0.0", beside=LABELS)


def test_nothing():
    with pytest.raises(UserError, match="no rows"):
        read("")


def test_recognition():
    assert mot.sniff(b"1,1,21.00,31,60,40,1,2,1.0\n", "gt.txt")
    assert mot.sniff(b"1,1,21.00,31,60,40,1,2,1.0\n", "sequence.txt")
    assert not mot.sniff(b"1,-1,1359.1,413.27,120.26,362.77,2.3092,-1,-1,-1\n", "det.txt")
    assert not mot.sniff(b"1,1,21,31,60,40,1,2\n", "0001.txt")

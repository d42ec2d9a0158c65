"""dlib's XML."""

import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import dlib

BOX = "<box top='20' left='10' width='30' height='40'{}><label>{}</label><part name='eye' x='1' y='2'/></box>"
HEAD = "<?xml version='1.0' encoding='UTF-8'?>\n<?xml-stylesheet type='text/xsl' href='x.xsl'?>\n"


def document(*images):
    text = "\n".join(f"<image file='{file}'>{''.join(boxes)}</image>" for file, *boxes in images)
    return f"{HEAD}<dataset><name>d</name><images>\n{text}\n</images></dataset>".encode()


def read(*images):
    return dlib.read(document(*images))


def test_boxes(brief):
    reading = read((r"images\a.jpg", BOX.format("", "Straße"), BOX.format(" ignore='1'", "dog")), ("b.jpg",))
    assert brief(reading) == {
        r"images\a.jpg": [("Straße", (10, 20, 40, 60)), ("dog", (10, 20, 40, 60), "ignore")],
        "b.jpg": [],
    }
    assert reading.statements[0].places == ("line 4", "line 4")


def test_boxes_outside_of_the_images_are_told():
    whole = f"<dataset><images><image file='a.jpg'>{BOX}<more>{BOX}</more></image></images>{BOX}</dataset>"
    found = dlib.read(whole.format(*["", "cat"] * 3).encode())
    assert [len(one.boxes) for one in found.statements] == [1]
    ((defect, said, _, objects),) = found.remarks
    assert (defect, said, objects) == ("object_without_image", "2 boxes are outside of <images> and their <image>", 2)


def test_flags():
    (box,) = read(("a.jpg", BOX.format(" difficult='1' truncated='1' occluded='1'", "cat"))).statements[0].boxes
    assert (box.difficult, box.truncated, box.flags) == (True, True, "occluded")


def test_what_cannot_be_read():
    bad = read(("a.jpg", "<box top='x' left='1' width='2'/>")).statements[0].boxes[0]
    assert bad.class_name == ""
    assert math.isnan(bad.ymin)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (document(("a.jpg",))[:-4], "not well-formed XML"),
        (b"<annotation/>", "its root is <annotation>, not <dataset>"),
        (document(("a.jpg",), ("",)), "line 5 has an image without its file"),
        (document(), "no images"),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        dlib.read(data)


def test_recognition():
    assert dlib.sniff(document(("a.jpg",)), "a.xml")
    assert not dlib.sniff(b"<annotations><image name='a.jpg'/></annotations>", "a.xml")

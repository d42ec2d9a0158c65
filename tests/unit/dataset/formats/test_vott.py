"""VoTT's JSON, of its versions 1 and 2."""

import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import vott
from boxwright.dataset.statements import NORMALISED


def region(*tags, kind="RECTANGLE", **more):
    box = {"left": 10, "top": 20, "width": 30.5, "height": 40}
    return {"id": "r", "type": kind, "tags": list(tags), "boundingBox": box, "points": []} | more


def asset(*regions, name="a.jpg", state=2):
    about = {"format": "jpg", "id": "i", "name": name, "path": f"file:/my%20images/{name}", "state": state, "type": 1}
    return {"asset": about | {"size": {"width": 200, "height": 100}}, "regions": list(regions), "version": "2.2.0"}


def export(*assets):
    root = {"name": "p", "securityToken": "t", "tags": [{"name": "cat", "color": "#fff"}], "version": "2.2.0"}
    return root | {"assets": {str(number): one for number, one in enumerate(assets)}}


def read(root):
    return vott.read(json.dumps(root).encode(), {})


@pytest.mark.parametrize("root", [export(asset(region("cat"))), asset(region("cat"))], ids=["export", "asset"])
def test_a_box(root, brief):
    reading = read(root)
    assert brief(reading) == {"a.jpg": [("cat", (10, 20, 40.5, 60))]}
    (statement,) = reading.statements
    assert (statement.width, statement.height, statement.folders) == (200, 100, ("/my images",))


def test_several_tags_are_several_objects_and_none_is_an_object_without_a_class():
    (statement,) = read(export(asset(region("cat", "pet"), region()))).statements
    assert [box.class_name for box in statement.boxes] == ["cat", "pet", ""]


def test_other_shapes():
    points = [{"x": 40, "y": 80}, {"x": 90, "y": 30}, {"x": 140, "y": 70}]
    shapes = [
        region("cat", kind="POLYGON"),
        region("cat", kind="POLYGON", boundingBox=None, points=points),
        region("cat", kind="POINT"),
        region("cat", kind="POLYLINE"),
    ]
    first, second, *others = read(export(asset(*shapes))).statements[0].boxes
    assert (first.corners, first.shape) == ((10, 20, 40.5, 60), "polygon")
    assert (second.corners, second.shape) == ((40, 30, 140, 80), "polygon")
    assert [box.shape for box in others] == ["points", "line"]


def test_an_asset_that_nobody_visited_is_no_negative():
    reading = read(export(asset(state=0), asset(name="b.jpg", state=1)))
    assert [(one.image, one.boxes) for one in reading.statements] == [("b.jpg", ())]
    assert [(one.defect, one.about) for one in reading.remarks] == [("image_unlabelled", "a.jpg")]


def test_version_1(brief):
    box = {"x1": 10, "y1": 20, "x2": 30, "y2": 50, "width": 100, "height": 100, "tags": ["cat"]}
    reading = read({"frames": {"a.jpg": [box], "b.jpg": []}, "inputTags": "cat", "framerate": "1"})
    assert brief(reading) == {"a.jpg": [("cat", (0.1, 0.2, 0.3, 0.5))], "b.jpg": []}
    assert reading.statements[0].unit == NORMALISED


def test_a_number_that_cannot_be_read():
    bad = region("cat", boundingBox={"left": 10, "top": 20, "width": "wide", "height": 40})
    assert math.isnan(read(export(asset(bad))).statements[0].boxes[0].xmax)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ([], "not an object"),
        ({"a": 1}, "neither"),
        (export({"format": "jpg", "id": "i"}), "VoTT's project, which has no regions"),
        (export(asset(name="")), "asset 1 has no name"),
        (export(asset(5)), "region 1 of a.jpg is not an object"),
        (export(asset(region("cat") | {"tags": "cat"})), '"tags" of region 1 of a.jpg is not a list'),
        ({"frames": {"12": []}}, "about a video"),
    ],
)
def test_mistakes(root, reason):
    with pytest.raises(UserError, match=reason):
        read(root)


def test_broken():
    with pytest.raises(UserError, match="line 2, column 1"):
        vott.read(b'{"assets": {\n', {})


def test_recognition():
    for root in (export(asset(region("cat"))), asset(region("cat")), {"frames": {}, "inputTags": "cat"}):
        assert vott.sniff(json.dumps(root).encode(), "a.json")
    assert not vott.sniff(b'{"version": "5.5.0", "flags": {}, "shapes": []}', "a.json")

"""Supervisely's annotations."""

import base64
import io
import json
import math
import zlib

import pytest
from PIL import Image, ImageDraw

from boxwright.core.errors import UserError
from boxwright.dataset.formats import supervisely


def shape(kind, *points, **more):
    return {"classTitle": "cat", "geometryType": kind, "tags": [], "points": {"exterior": list(points)}} | more


def document(*objects, **more):
    root = {"description": "", "tags": [], "size": {"height": 100, "width": 200}, "objects": list(objects)}
    return json.dumps(root | more).encode()


def boxes(*objects):
    (statement,) = supervisely.read(document(*objects), {}).statements
    return statement.boxes


@pytest.mark.parametrize("points", [((10, 20), (19, 39)), ((19, 20), (10, 39))])
def test_the_corners_of_a_rectangle_are_pixels(points):
    assert boxes(shape("rectangle", *points))[0].corners == (10, 20, 20, 40)


def test_corners_between_pixels_are_edges():
    assert boxes(shape("rectangle", (10.5, 20), (19, 39)))[0].corners == (10.5, 20, 19, 39)


@pytest.mark.parametrize("wrap", [lambda points: points, lambda points: {"exterior": points}])
@pytest.mark.parametrize(("angle", "corners"), [(math.pi / 2, (30, 30, 50, 70)), (0, (20, 40, 60, 60))])
def test_an_oriented_box_is_turned_about_its_centre(wrap, angle, corners):
    (box,) = boxes(shape("oriented_bbox", points=wrap([[20, 40], [60, 60]]), angle=angle))
    assert box.corners == pytest.approx(corners) and box.shape == "rotated"


def test_a_polygon():
    (box,) = boxes(shape("polygon", (40, 80), (90, 30), (140, 70)))
    assert (box.corners, box.shape) == ((40, 30, 140, 80), "polygon")


@pytest.mark.parametrize("mode", ["RGBA", "L", "1"])
def test_a_bitmap(mode):
    mask = Image.new(mode, (30, 20))
    ImageDraw.Draw(mask).rectangle((5, 2, 14, 11), fill=(1, 2, 3, 255) if mode == "RGBA" else 255)
    packed = io.BytesIO()
    mask.save(packed, "PNG")
    data = base64.b64encode(zlib.compress(packed.getvalue())).decode()
    (box,) = boxes(shape("bitmap", bitmap={"data": data, "origin": [100, 50]}))
    assert (box.corners, box.shape) == ((105, 52, 115, 62), "mask")


@pytest.mark.parametrize(
    "data", ["", "!!", "eJwDAAAAAAE=", base64.b64encode(zlib.compress(b"no image")).decode(), None]
)
def test_a_bitmap_that_cannot_be_read(data):
    (box,) = boxes(shape("bitmap", bitmap={"data": data, "origin": [100, 50]}))
    assert math.isnan(box.xmin)


@pytest.mark.parametrize(
    ("kind", "told"), [("point", "points"), ("line", "line"), ("graph", "points"), ("cuboid", "cuboid")]
)
def test_what_has_no_rectangle_is_still_an_object(kind, told):
    (box,) = boxes(shape(kind, (1, 2)))
    assert (box.class_name, box.shape) == ("cat", told)


def test_tags():
    (box,) = boxes(shape("rectangle", (1, 2), (3, 4), tags=[{"name": "Difficult", "value": None}, "truncated"]))
    assert (box.difficult, box.truncated) == (True, True)


def test_no_objects():
    (statement,) = supervisely.read(document(), {}).statements
    assert (statement.image, statement.boxes, statement.width, statement.height) == ("", (), 200, 100)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (document()[:-1], "line 1, column"),
        (b'{"classes": [], "tags": []}', 'no "objects"'),
        (document(5), "object 1 is not an object but 5"),
        (document(shape("rectangle", points={"exterior": 3})), '"exterior" of object 1 is not a list but 3'),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        supervisely.read(data, {})


def test_recognition():
    assert supervisely.sniff(document(), "a.jpg.json")
    assert not supervisely.sniff(b'{"classes": [{"title": "cat", "shape": "any"}], "tags": []}', "meta.json")

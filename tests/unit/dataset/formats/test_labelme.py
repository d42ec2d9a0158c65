"""LabelMe's JSON and what its relatives write."""

import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import labelme


def document(*shapes, **more):
    root = {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "..\\images\\a.jpg",
        "imageData": None,
    }
    return json.dumps(root | {"imageHeight": 100, "imageWidth": 200} | more).encode()


def shape(kind, *points, **more):
    return {"label": "cat", "points": [list(point) for point in points], "shape_type": kind} | more


def read(*shapes, **more):
    (statement,) = labelme.read(document(*shapes, **more), {}).statements
    return statement


def test_a_rectangle_from_any_corner():
    statement = read(shape("rectangle", (150, 110), (100, 40)), shape("rectangle", (100, 110), (150, 40)))
    assert [box.corners for box in statement.boxes] == [(100, 40, 150, 110)] * 2
    assert (statement.image, statement.width, statement.height) == ("..\\images\\a.jpg", 200, 100)
    assert statement.places == ("shape 1", "shape 2")


@pytest.mark.parametrize(
    ("drawn", "corners", "kind"),
    [
        (shape("polygon", (40, 80), (90, 30), (140, 70)), (40, 30, 140, 80), "polygon"),
        (shape(None, (40, 80), (90, 30), (140, 70)), (40, 30, 140, 80), "polygon"),
        (shape(None, (40, 80), (90, 30)), (40, 30, 90, 80), ""),
        (shape("circle", (50, 50), (53, 54)), (45, 45, 55, 55), "mask"),
        (shape("mask", (10, 20), (19, 29), mask="iVBOR"), (10, 20, 20, 30), "mask"),
        (shape("rotation", (10, 20), (30, 40), (20, 50), (0, 30), direction=0.7), (0, 20, 30, 50), "rotated"),
        (shape("oriented_rectangle", (10, 20), (30, 40), (20, 50), (0, 30)), (0, 20, 30, 50), "rotated"),
        (shape("quadrilateral", (10, 20), (30, 40), (20, 50), (0, 30)), (0, 20, 30, 50), "polygon"),
        (shape("rectangle", (10, 20), (30, 20), (30, 40), (10, 40)), (10, 20, 30, 40), ""),
        (shape("rectangle", ("10", "20"), (30, 40)), (10, 20, 30, 40), ""),
    ],
)
def test_shapes(drawn, corners, kind):
    (box,) = read(drawn).boxes
    assert (box.corners, box.shape) == (corners, kind)


def test_a_shape_of_an_unknown_type_is_named():
    statement = read(shape("spiral", (1, 2), (3, 4)), shape("rectangle", (1, 2), (3, 4)))
    assert statement.places == ("shape 1, whose shape_type 'spiral' is not known", "shape 2")


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [("point", "points"), ("points", "points"), ("line", "line"), ("linestrip", "line"), ("spiral", "")],
)
def test_what_has_no_rectangle_is_still_an_object(drawn, kind):
    (box,) = read(shape(drawn, (1, 2), (3, 4))).boxes
    assert (box.class_name, box.shape) == ("cat", kind)
    assert all(map(math.isnan, box.corners))


@pytest.mark.parametrize("points", [[], [(1, 2)], [(1, 2), (3,)], [(1, 2), ("x", 4)], [(1, 2), (None, 4)]])
def test_points_that_cannot_be_read(points):
    (box,) = read(shape("rectangle", *points)).boxes
    assert all(map(math.isnan, box.corners))


def test_flags():
    boxes = read(
        shape("rectangle", (1, 2), (30, 40), flags={"difficult": True, "occluded": True, "mine": True}),
        shape("rectangle", (1, 2), (30, 40), flags={"difficult": False}, difficult=True),
        shape("rectangle", (1, 2), (30, 40), flags={"truncated": "yes"}, group_id=3),
    ).boxes
    assert [(box.difficult, box.truncated, box.flags) for box in boxes] == [
        (True, False, "occluded"),
        (True, False, ""),
        (False, True, ""),
    ]


def test_an_image_without_objects():
    assert read().boxes == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (document()[:-2], r"not valid JSON: line 1, column \d+"),
        (b'{\n "shapes": [\n  {,\n', "line 3, column 4"),
        (b"[]", "not an object"),
        (b'{"version": "5"}', 'no "shapes"'),
        (b'{"shapes": {}}', '"shapes" is not a list but {}'),
        (b'{"shapes": [5]}', "shape 1 is not an object but 5"),
        (document(shape("rectangle") | {"points": "1, 2"}), '"points" of shape 1 is not a list'),
        (b'{"shapes": [], "shapes": []}', 'the key "shapes" twice'),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        labelme.read(data, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding):
    data = json.dumps(json.loads(document(shape("rectangle", (1, 2), (30, 40), label="Straße"))), ensure_ascii=False)
    assert labelme.sniff(data.encode(encoding), "a.json")
    assert labelme.read(data.encode(encoding), {}).statements[0].boxes[0].class_name == "Straße"


def test_recognition():
    assert labelme.sniff(document(), "a.json")
    assert labelme.sniff(b'{"shapes": [], "lineColor": [0, 255, 0, 128]', "a.json")
    assert not labelme.sniff(b'{"images": [], "annotations": []}', "a.json")

"""Darwin's JSON, versions 1 and 2."""

import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import darwin

BOX = {"x": 10, "y": 20, "w": 30, "h": 40}
PATH = [{"x": 40, "y": 80}, {"x": 90, "y": 30}, {"x": 140, "y": 70}]


def document(*annotations, **more):
    item = {"name": "a.jpg", "path": "/train", "slots": [{"slot_name": "0", "width": 200, "height": 100}]}
    return json.dumps({"version": "2.0", "item": item, "annotations": list(annotations)} | more).encode()


def one(**geometry):
    return {"id": "i", "name": "cat", "slot_names": ["0"]} | geometry


def read(*annotations):
    (statement,) = darwin.read(document(*annotations), {}).statements
    return statement


@pytest.mark.parametrize(
    ("geometry", "corners", "shape"),
    [
        ({"bounding_box": BOX}, (10, 20, 40, 60), ""),
        ({"bounding_box": BOX, "polygon": {"paths": [PATH]}}, (10, 20, 40, 60), "polygon"),
        ({"polygon": {"path": PATH}}, (40, 30, 140, 80), "polygon"),
        ({"polygon": {"paths": [PATH, [{"x": 0, "y": 0}]]}}, (0, 0, 140, 80), "polygon"),
        (
            {"ellipse": {"center": {"x": 50, "y": 40}, "radius": {"x": 10, "y": 5}, "angle": 0}},
            (40, 35, 60, 45),
            "mask",
        ),
    ],
)
def test_geometry(geometry, corners, shape):
    (box,) = read(one(**geometry)).boxes
    assert (box.class_name, box.corners, box.shape) == ("cat", corners, shape)


def test_the_image():
    statement = read()
    assert (statement.image, statement.width, statement.height) == ("a.jpg", 200, 100)
    assert (statement.folders, statement.boxes) == (("train",), ())


def test_version_1():
    root = {
        "dataset": "d",
        "image": {"filename": "a.jpg", "width": 200, "height": 100},
        "annotations": [one(bounding_box=BOX)],
    }
    (statement,) = darwin.read(json.dumps(root).encode(), {}).statements
    assert (statement.image, statement.width, len(statement.boxes)) == ("a.jpg", 200, 1)


def test_a_tag_is_no_object_and_a_key_point_is_one_without_a_rectangle():
    boxes = read(one(tag={}), one(keypoint={"x": 1, "y": 2}), one(line={"path": PATH}), one(mask={}), one()).boxes
    assert [box.shape for box in boxes] == ["points", "line", "mask", ""]
    assert all(math.isnan(box.xmin) for box in boxes)


def test_masks():
    """Two masks in a layer of 4 x 3 pixels: 0110, 1002, 2200."""
    runs = [0, 1, 1, 2, 0, 1, 1, 1, 0, 2, 2, 1, 2, 2, 0, 2]
    layer = {"dense_rle": runs, "mask_annotation_ids_mapping": {"a": 1, "b": 2}, "total_pixels": 12}
    data = json.loads(document(one(mask={}) | {"id": "a"}, one(mask={}) | {"id": "b"}, one(raster_layer=layer)))
    data["item"]["slots"][0] |= {"width": 4, "height": 3}
    first, second = darwin.read(json.dumps(data).encode(), {}).statements[0].boxes
    assert (first.corners, first.shape) == ((0, 0, 3, 2), "mask")
    assert (second.corners, second.shape) == ((0, 1, 4, 3), "mask")


def test_attributes():
    (box,) = read(one(bounding_box=BOX, attributes=["Difficult", "occluded"])).boxes
    assert (box.difficult, box.flags) == (True, "occluded")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"item":\n}', "line 2, column 1"),
        (b'{"images": [], "annotations": []}', 'no "item"'),
        (document(5), "annotation 1 is not an object but 5"),
        (document(one(frames={})), "annotation 1 has frames: it is about a video"),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        darwin.read(data, {})


def test_recognition():
    assert darwin.sniff(document(), "a.json")
    assert darwin.sniff(b'{"dataset": "d", "image": {"width": 3}, "annotations": []}', "a.json")
    assert not darwin.sniff(b'{"images": [], "annotations": [], "categories": []}', "a.json")

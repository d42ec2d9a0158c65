"""Label Studio's JSON and JSON-MIN."""

import base64
import io
import json
import math

import pytest
from PIL import Image, ImageDraw

from boxwright.core.errors import UserError
from boxwright.dataset import gate
from boxwright.dataset.formats import label_studio
from boxwright.dataset.statements import NORMALISED


def region(name="cat", kind="rectanglelabels", **value):
    value = value or {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
    return {"type": kind, "original_width": 240, "original_height": 180, "value": value | {kind: [name]}}


def annotation(*results, **more):
    return {"result": list(results), "was_cancelled": False, "created_at": "2024-01-01T00:00:00Z"} | more


def task(*annotations, image="/data/upload/1/9f8e7d00-a.jpg", **more):
    return {"id": 1, "annotations": list(annotations), "predictions": [], "data": {"image": image}} | more


def read(*tasks):
    return label_studio.read(json.dumps(list(tasks)).encode(), {})


def boxes(*results):
    (statement,) = read(task(annotation(*results))).statements
    return statement.boxes


def test_percents():
    (statement,) = read(task(annotation(region()))).statements
    (box,) = statement.boxes
    assert statement.unit == NORMALISED
    assert (statement.width, statement.height) == (240, 180)
    assert statement.image == "/data/upload/1/9f8e7d00-a.jpg"
    assert box.corners == pytest.approx((0.1, 0.2, 0.4, 0.6))


def test_a_turn_is_about_the_top_left_corner_and_in_pixels():
    (box,) = boxes(region(x=50, y=50, width=25, height=20, rotation=90))
    assert box.shape == "rotated"
    # 60 x 36 pixels, hanging from (120, 90) to the left and down
    assert box.corners == pytest.approx((84 / 240, 90 / 180, 120 / 240, 150 / 180))


@pytest.mark.parametrize(
    ("value", "kind", "corners"),
    [
        ({"points": [[10, 20], [40, 20], [30, 60]]}, "polygon", (0.1, 0.2, 0.4, 0.6)),
        ({"x": 50, "y": 50, "radiusX": 10, "radiusY": 20}, "ellipse", (0.4, 0.3, 0.6, 0.7)),
    ],
)
def test_other_shapes(value, kind, corners):
    (box,) = boxes(region(kind=f"{kind}labels", **value))
    assert box.corners == pytest.approx(corners)
    assert box.shape


def test_geometry_and_label_in_two_results():
    value = {"x": 10, "y": 20, "width": 30, "height": 40}
    two = [
        {"id": "r", "type": "rectangle", "value": value},
        {"id": "r", "type": "labels", "value": value | {"labels": ["dog"]}},
        {"id": "r", "type": "choices", "value": {"choices": ["blurred"]}},
    ]
    (box,) = boxes(*two)
    assert box.class_name == "dog"


def test_several_labels_are_several_objects_and_none_is_an_object_without_a_class():
    two, none = region(), region()
    two["value"]["rectanglelabels"] = ["cat", "pet"]
    none["value"]["rectanglelabels"] = []
    assert [box.class_name for box in boxes(two, none)] == ["cat", "pet", ""]


def test_key_points_and_brushes_are_objects_without_a_rectangle():
    found = boxes(region(kind="keypointlabels", x=1, y=2, width=0.5), region(kind="brushlabels", rle=[0, 1]))
    assert [box.shape for box in found] == ["points", "mask"]
    assert all(math.isnan(box.xmin) for box in found)


def test_one_annotation_of_a_task_counts():
    reading = read(
        task(
            annotation(region("old"), created_at="2024-01-01"),
            annotation(region("new"), created_at="2024-02-01"),
            annotation(region("gone"), region("gone"), created_at="2024-03-01", was_cancelled=True),
        )
    )
    (statement,) = reading.statements
    assert [box.class_name for box in statement.boxes] == ["new"]
    assert [(one.defect, one.objects) for one in reading.remarks] == [
        ("object_superseded", 1),
        ("object_superseded", 2),
    ]


def test_a_ground_truth_comes_first():
    truth = annotation(region("truth"), ground_truth=True)
    (statement,) = read(task(annotation(region("new"), created_at="2025"), truth)).statements
    assert [box.class_name for box in statement.boxes] == ["truth"]


@pytest.mark.parametrize(
    "one",
    [task(), task(predictions=[annotation(region())]), task(annotation(was_cancelled=True))],
    ids=["nothing", "predictions", "cancelled"],
)
def test_what_nobody_annotated_is_no_negative(one):
    reading = read(one, task(annotation(region()), image="b.jpg"))
    assert [statement.image for statement in reading.statements] == ["b.jpg"]
    assert [(remark.defect, remark.about) for remark in reading.remarks] == [
        ("image_unlabelled", "/data/upload/1/9f8e7d00-a.jpg")
    ]


def test_no_objects():
    (statement,) = read(task(annotation())).statements
    assert statement.boxes == ()


def test_the_former_key_and_a_single_task():
    one = task() | {"completions": [annotation(region())]}
    del one["annotations"]
    (statement,) = label_studio.read(json.dumps(one).encode(), {}).statements
    assert len(statement.boxes) == 1


@pytest.mark.parametrize(
    ("address", "image"),
    [
        ("/data/local-files/?d=some%20folder/a.jpg", "some folder/a.jpg"),
        ("s3://bucket/folder/a.jpg", "/folder/a.jpg"),
        ("https://host/a%2520b.jpg?token=x/y.png", "/a%20b.jpg"),
        ("C:/images/a.jpg", "C:/images/a.jpg"),
    ],
)
def test_addresses(address, image):
    assert read(task(annotation(), image=address)).statements[0].image == image


def test_an_image_under_another_key():
    one = task(annotation(region())) | {"data": {"text": "hello", "photo": "/data/b.png"}}
    assert read(one).statements[0].image == "/data/b.png"


def test_an_image_that_was_turned_in_the_editor():
    turned = region() | {"image_rotation": 90}
    assert math.isnan(boxes(turned)[0].xmin)


def test_why_the_place_of_a_box_in_a_turned_image_is_unknown_is_told(dataset, tmp_path):
    dataset.sample("a.jpg")
    dataset.sample("b.jpg")
    tasks = [task(annotation(region() | {"image_rotation": turn})) for turn in (0, 90)]
    for one, name in zip(tasks, "ab", strict=True):
        one["data"] = {"image": f"{name}.jpg"}
    (dataset.annotations / "tasks.json").write_text(json.dumps(tasks))
    passed = gate.check([str(dataset.images)], [str(dataset.annotations / "tasks.json")], "label_studio")
    (case,) = [case for case in passed.cases if case.defect == "box_not_a_number"]
    assert case.detail == (
        "task 2, result 1: the image was turned in the editor (image_rotation), so the box's place is unknown"
    )


def minimal(**more):
    item = {"image": "/data/upload/1/9f8e7d00-a.jpg", "id": 1, "annotator": 1, "annotation_id": 7}
    return item | {"created_at": "2024-01-01"} | more


def flat(name="cat"):
    value = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": [name]}
    return value | {"original_width": 240, "original_height": 180}


def test_minimal():
    reading = read(minimal(label=[flat()]), minimal(id=2, image="b.jpg"))
    first, second = reading.statements
    assert [(box.class_name, *box.corners) for box in first.boxes] == [
        ("cat", *map(pytest.approx, (0.1, 0.2, 0.4, 0.6)))
    ]
    assert (first.width, first.height) == (240, 180)
    assert (second.image, second.boxes) == ("b.jpg", ())


def test_two_annotators_of_minimal_are_not_added_up():
    reading = read(minimal(label=[flat("old")]), minimal(label=[flat("new")], created_at="2025-01-01"))
    (statement,) = reading.statements
    assert [box.class_name for box in statement.boxes] == ["new"]
    assert [one.objects for one in reading.remarks] == [1]


def place(**more):
    return {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0} | more


@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_a_mask_that_is_a_picture(mode):
    picture = Image.new(mode, (40, 30))
    ImageDraw.Draw(picture).rectangle((10, 6, 19, 11), fill=255 if mode == "L" else (0, 0, 0, 255))
    written = io.BytesIO()
    picture.save(written, "PNG")
    address = "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
    (box,) = boxes(region(kind="bitmasklabels", imageDataURL=address))
    assert box.class_name == "cat" and box.shape == "mask"
    assert box.corners == pytest.approx((10 / 40, 6 / 30, 20 / 40, 12 / 30))


@pytest.mark.parametrize("address", ["data:image/png;base64,AAAA", "data:image/png;base64,?", "http://host/a.png", 5])
def test_a_mask_that_cannot_be_read_is_counted(address):
    (box,) = boxes(region(kind="bitmasklabels", imageDataURL=address))
    assert math.isnan(box.xmin)


@pytest.mark.parametrize(
    "aside", [{"choices": ["red"]}, {"text": ["abc"]}, {"rating": 3}, {"number": 2}, {"taxonomy": [["a", "b"]]}]
)
def test_what_was_said_about_a_region_is_no_further_object(aside):
    said = {"id": "A", "type": next(iter(aside)), "value": place(**aside)}
    (statement,) = read(task(annotation({"id": "A"} | region(), said))).statements
    assert [box.class_name for box in statement.boxes] == ["cat"]
    assert statement.marks == ()
    (alone,) = boxes(said)
    assert alone.class_name == ""


def test_minimal_with_geometry_and_labels_apart():
    def at(x, **more):
        return place(x=x, **more) | {"original_width": 240, "original_height": 180}

    one = minimal(
        bbox=[at(10), at(50)],
        label=[at(10, labels=["Text"]), at(50, labels=["Handwriting"])],
        colour=[at(50, choices=["red"])],
        transcription=["abc", "def"],
    )
    (statement,) = read(one).statements
    assert [(box.class_name, box.xmin) for box in statement.boxes] == [("Text", 0.1), ("Handwriting", 0.5)]


def test_a_list_of_images():
    def on(page):
        return region(f"on {page}") | {"item_index": page}

    pages = ["/data/upload/1/9f8e7d00-p1.jpg", "p2.jpg", "p3.jpg"]
    reading = read(task(annotation(on(0), on(2), on(3))) | {"data": {"title": "x", "pages": pages}})
    assert [(one.image, [box.class_name for box in one.boxes]) for one in reading.statements] == [
        (pages[0], ["on 0"]),
        ("p2.jpg", []),
        ("p3.jpg", ["on 2"]),
    ]
    assert [(one.defect, one.objects) for one in reading.remarks] == [("object_without_image", 1)]
    unlabelled = read(task() | {"data": {"pages": pages}})
    assert [one.about for one in unlabelled.remarks] == pages


def test_objects_on_one_of_several_images_are_left_out():
    several = {"data": {"left": "left.jpg", "right": "right.jpg"}}
    first, second = (region() | {"to_name": f"img-{number}"} for number in (1, 2))
    reading = read(task(annotation(first, second)) | several)
    assert not reading.statements
    assert [(one.defect, one.objects) for one in reading.remarks] == [("object_without_image", 2)]
    assert "(left, right)" in reading.remarks[0].detail
    assert not read(task(annotation(second)) | several).statements


@pytest.mark.parametrize(
    ("data", "on", "boxes"),
    [
        ({"left": "l.jpg", "right": "r.jpg"}, ["right", "left", "right"], {"l.jpg": 1, "r.jpg": 2}),
        ({"left": "l.jpg", "right": "r.jpg"}, ["right"], {"l.jpg": 0, "r.jpg": 1}),
        ({"thumbnail": "t.jpg", "image": "a.jpg"}, ["image", "image"], {"a.jpg": 2}),
        ({"thumbnail": "t.jpg", "image": "a.jpg"}, ["img"], {"a.jpg": 1}),
        ({"thumbnail": "t.jpg", "image": "a.jpg"}, ["thumbnail", "image"], {"t.jpg": 1, "a.jpg": 1}),
    ],
)
def test_the_tag_says_which_of_several_images_an_object_is_on(data, on, boxes):
    reading = read(task(annotation(*(region() | {"to_name": tag} for tag in on))) | {"data": data})
    assert {one.image: len(one.boxes) for one in reading.statements} == boxes
    assert not reading.remarks


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[\n{"data": {},\n]', "line 3, column 1"),
        (b"[]", "not an export of Label Studio"),
        (b'{"a": 1}', "not an export of Label Studio"),
        (json.dumps([task(annotation()), 5]).encode(), "task 2 is not an object but 5"),
        (json.dumps([task(annotation(), image=None)]).encode(), "task 1 has no image"),
        (json.dumps([task({"result": {}})]).encode(), '"result" of an annotation of task 1 is not a list'),
        (json.dumps([task(annotation({"type": "choices", "value": {"choices": ["x"]}}))]).encode(), "only .* choices"),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        label_studio.read(data, {})


def test_recognition():
    for one in (task(annotation(region())), minimal(), minimal(label=[flat()])):
        assert label_studio.sniff(json.dumps([one]).encode(), "a.json")
    assert not label_studio.sniff(b'{"images": [], "annotations": [], "categories": []}', "a.json")

"""VGG Image Annotator's JSON and CSV."""

import csv
import io
import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import via, via_csv


def region(attributes, name="rect", **shape):
    shape = shape or {"x": 10, "y": 20, "width": 30, "height": 40}
    return {"shape_attributes": {"name": name} | shape, "region_attributes": attributes}


def export(*regions, **more):
    return {"a.jpg9": {"filename": "a.jpg", "size": 9, "regions": list(regions), "file_attributes": {}} | more}


def project(*regions, about=None):
    return {
        "_via_settings": {},
        "_via_img_metadata": export(*regions),
        "_via_attributes": {"region": about or {}, "file": {}},
    }


def as_csv(*regions):
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(
        [
            "filename",
            "file_size",
            "file_attributes",
            "region_count",
            "region_id",
            "region_shape_attributes",
            "region_attributes",
        ]
    )
    for number, one in enumerate(regions):
        cells = [json.dumps(one[key]) for key in ("shape_attributes", "region_attributes")]
        rows.writerow(["a.jpg", 9, "{}", len(regions), number, *cells])
    if not regions:
        rows.writerow(["a.jpg", 9, "{}", 0, 0, "{}", "{}"])
    return text.getvalue().encode()


def read(root):
    return via.read(json.dumps(root).encode(), {})


@pytest.fixture(params=["project", "export", "version 1", "csv"])
def reading(request):
    """Reads regions in each of VIA's forms."""
    return {
        "project": lambda *regions: read(project(*regions)),
        "export": lambda *regions: read(export(*regions)),
        "version 1": lambda *regions: read(export(regions={str(n): one for n, one in enumerate(regions)}, fileref="")),
        "csv": lambda *regions: via_csv.read(as_csv(*regions), {}),
    }[request.param]


def test_shapes(reading, brief):
    found = reading(
        region({"type": "cat"}),
        region({"type": "dog"}, "polygon", all_points_x=[40, 90, 140], all_points_y=[80, 30, 70]),
        region({"type": "dog"}, "circle", cx=50, cy=40, r=10),
        region({"type": "dog"}, "ellipse", cx=50, cy=40, rx=10, ry=5, theta=math.pi / 2),
        region({"type": "dog"}, "point", cx=5, cy=6),
        region({"type": "dog"}, "polyline", all_points_x=[1, 2], all_points_y=[3, 4]),
    )
    *known, point, line = brief(found)["a.jpg"]
    assert known == [
        ("cat", (10, 20, 40, 60)),
        ("dog", (40, 30, 140, 80), "polygon"),
        ("dog", (40, 30, 60, 50), "mask"),
        ("dog", (45, 30, 55, 50), "mask"),
    ]
    assert (point[2], line[2]) == ("points", "line")
    assert found.remarks == []


def test_no_region(reading, brief):
    assert brief(reading()) == {"a.jpg": []}


def test_remarks_beside_the_class(reading):
    found = reading(
        region({"quality": {"difficult": True}, "type": "cat"}),
        region({"type": "dog", "quality": {"difficult": False}}),
    )
    (statement,) = found.statements
    assert [(box.class_name, box.difficult) for box in statement.boxes] == [("cat", True), ("dog", False)]
    assert found.remarks == []


def test_a_choice_of_attributes_is_said(reading):
    found = reading(region({"colour": "red", "Label": "cat"}), region({"colour": "blue", "Label": "dog"}))
    assert [box.class_name for box in found.statements[0].boxes] == ["cat", "dog"]
    ((defect, detail, *_),) = found.remarks
    assert defect == "class_attribute"
    assert "`Label` is the class, not colour" in detail


def test_a_dropdown_is_rather_the_class_than_a_text():
    about = {"note": {"type": "text"}, "what": {"type": "dropdown", "options": {"1": "cat", "2": "dog"}}}
    found = read(project(region({"note": "big", "what": "2"}), about=about))
    assert found.statements[0].boxes[0].class_name == "dog"


def test_check_boxes_as_the_class():
    found = read(export(region({"type": {"cat": True, "pet": True}}), region({"type": {}})))
    assert [box.class_name for box in found.statements[0].boxes] == ["cat", "pet", ""]


def test_one_region_without_a_class(reading):
    found = reading(region({"type": "cat"}), region({}))
    assert [box.class_name for box in found.statements[0].boxes] == ["cat", ""]


def test_without_any_attribute_no_region_has_a_class(reading):
    found = reading(region({}), region({}))
    assert [box.class_name for box in found.statements[0].boxes] == ["", ""] and not found.remarks


def test_a_line_that_comes_back_to_its_start_is_an_outline(reading):
    """As people draw outlines with VIA's tool for lines."""
    outline = {"all_points_x": [10, 30, 32, 12, 11], "all_points_y": [20, 19, 44, 45, 22]}
    path = {"all_points_x": [10, 30, 32, 12], "all_points_y": [20, 19, 44, 45]}
    short = {"all_points_x": [10, 30, 10], "all_points_y": [20, 19, 20]}
    found = reading(*(region({"type": "cat"}, "polyline", **one) for one in (outline, path, short)))
    closed, *others = found.statements[0].boxes
    assert (closed.corners, closed.shape) == ((10, 19, 32, 45), "polygon")
    assert [one.shape for one in others] == ["line", "line"] and all(math.isnan(one.xmin) for one in others)


def test_a_file_of_another_tool_with_names_of_images():
    data = json.dumps({"annotation": {"filename": "a.jpg", "imsize": [48, 64, 3], "object": []}}).encode()
    assert not via.sniff(data, "a.json")
    with pytest.raises(UserError, match='the image "annotation" has no "regions"'):
        read({"annotation": {"filename": "a.jpg"}})


def test_an_address_as_the_name(brief):
    assert list(brief(read(export(filename="https://host/b%20c.jpg?x=1")))) == ["/b c.jpg"]


def test_numbers_that_cannot_be_read(reading):
    found = reading(
        region({"type": "cat"}, x="a", y=1, width=2, height=3),
        region({"type": "cat"}, "polygon", all_points_x=[1, 2, 3], all_points_y=[1, 2]),
        region({"type": "cat"}, "polygon", all_points_x=[1, 2], all_points_y=[1, 2]),
    )
    assert all(math.isnan(box.xmin) for box in found.statements[0].boxes)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":\n {"filename": }}', "line 2, column 15"),
        (b'{"a": {"size": 3}}', 'image "a" has no "filename"'),
        (json.dumps(export(5)).encode(), "region 1 of a.jpg is not an object but 5"),
        (json.dumps(export(regions=3)).encode(), '"regions" of a.jpg is not a list but 3'),
        (b'{"project": {}, "config": {}, "attribute": {}, "file": {}, "metadata": {}}', "VIA 3"),
    ],
)
def test_mistakes(data, reason):
    with pytest.raises(UserError, match=reason):
        via.read(data, {})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"filename,xmin\n", "no column region_shape_attributes, region_attributes"),
        (as_csv(region({"type": "cat"})).replace(b"rect", b'""x'), "line 2: it is not valid JSON"),
        (as_csv() + b"b.jpg,1,{}\n", "line 3 has 3 values, not 7"),
        (b"", "no column"),
    ],
)
def test_mistakes_in_csv(data, reason):
    with pytest.raises(UserError, match=reason):
        via_csv.read(data, {})


def test_recognition():
    for root in (project(), export(), export(region({"type": "cat"}))):
        assert via.sniff(json.dumps(root).encode(), "a.json")
    assert via_csv.sniff(as_csv(), "a.csv")
    assert via_csv.sniff(
        b"#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,x", "a.csv"
    )
    assert not via_csv.sniff(b"filename,width,height,class,xmin,ymin,xmax,ymax", "a.csv")
    assert not via.sniff(b'{"shapes": [], "imagePath": "a.jpg"}', "a.json")

"""COCO, YOLO, tables, Open Images, CVAT and records: what each says, and the plainest mistakes, each with its place."""

import io
import json
import math
import re

import pytest
from tests import factories
from tests.unit.dataset.test_defects import findings, make
from tests.unit.dataset.test_samples_of_formats import audited, planned

from boxwright import tfrecord as frames
from boxwright.core.errors import UserError
from boxwright.dataset.formats import (
    automl_csv,
    coco,
    csv,
    cvat,
    dlib,
    labelme,
    open_images,
    tfrecord,
    via_csv,
    voc,
    yolo,
)
from boxwright.dataset.samples import Box, Sample
from boxwright.records import example

# Of images of 64 x 48.
BOXES = {"cat": (8.0, 6.0, 40.0, 30.0), "dog": (16.0, 12.0, 60.0, 42.0)}
HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax"


def write_coco(folder, images):
    labels = list(BOXES)
    listed = [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(images)]
    annotations = [
        {
            "id": 2 * n + labels.index(one),
            "image_id": n,
            "category_id": labels.index(one),
            "bbox": [x, y, right - x, bottom - y],
            "iscrowd": 0,
        }
        for n, of in enumerate(images.values())
        for one, (x, y, right, bottom) in of
    ]
    categories = [{"id": n, "name": name} for n, name in enumerate(labels)]
    path = folder / "all.json"
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": categories}, indent=1))
    return path


def write_yolo(folder, images):
    (folder / "classes.txt").write_text("\n".join(BOXES))
    for name, of in images.items():
        rows = [
            f"{list(BOXES).index(one)} {(x + right) / 128!r} {(y + bottom) / 96!r} "
            f"{(right - x) / 64!r} {(bottom - y) / 48!r}"
            for one, (x, y, right, bottom) in of
        ]
        path = folder / f"{name.rpartition('.')[0]}.txt"
        path.write_text("\n".join([*rows, ""]))
    return path


def write_csv(folder, images):
    rows = [f"{name},64,48,{one},{','.join(map(str, box))}" for name, of in images.items() for one, box in of]
    path = folder / "labels.csv"
    path.write_text("\n".join([HEAD, *rows, ""]))
    return path


def write_open_images(folder, images):
    rows = [
        f"{name.rpartition('.')[0]},xclick,/m/{one},1,{x / 64!r},{right / 64!r},{y / 48!r},{bottom / 48!r},0,0,0,0,0"
        for name, of in images.items()
        for one, (x, y, right, bottom) in of
    ]
    head = (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
    )
    path = folder / "boxes-bbox.csv"
    path.write_text("\n".join([head, *rows, ""]))
    (folder / "class-descriptions-boxable.csv").write_text("".join(f"/m/{one},{one}\n" for one in BOXES))
    return path


def write_cvat(folder, images):
    shape = '\n<box label="{}" occluded="0" xtl="{}" ytl="{}" xbr="{}" ybr="{}"/>'
    parts = [
        f'<image id="{number}" name="{name}" width="64" height="48">'
        + "".join(shape.format(one, *box) for one, box in of)
        + "\n</image>\n"
        for number, (name, of) in enumerate(images.items())
    ]
    path = folder / "annotations.xml"
    path.write_text(f"<annotations>\n<version>1.1</version>\n{''.join(parts)}</annotations>\n")
    return path


def write_records(folder, images):
    path = folder / "all.record"
    with path.open("wb") as file:
        for number, (name, of) in enumerate(images.items()):
            boxes = tuple(Box(one, *box) for one, box in of)
            sample = Sample(name, "", "", 64, 48, "jpeg", (), boxes)
            frames.write(file, example.to_example(sample, factories.photo(number), {"cat": 1, "dog": 2}))
    return path


WRITERS = {
    "coco": write_coco,
    "csv": write_csv,
    "cvat": write_cvat,
    "open_images": write_open_images,
    "tfrecord": write_records,
    "yolo": write_yolo,
}
OF_MANY = [key for key in WRITERS if key not in ("yolo", "tfrecord")]
ONE = [("cat", BOXES["cat"])]


def images(dataset, count=6):
    """Images with a cat each, the first with a dog too, in the order of their names."""
    found = {f"{number}.jpg": list(ONE) for number in range(count)}
    found["0.jpg"].append(("dog", BOXES["dog"]))
    for name in found:
        dataset.image(name)
    return found


def plan(dataset, out, **changes):
    changes = {"near_duplicates": False, **changes}
    if (dataset.annotations / "all.record").exists():
        changes["images"] = None
    return make(dataset, out, **changes)[0]


@pytest.mark.parametrize("key", WRITERS)
def test_boxes_come_out_as_they_are_stated(dataset, tmp_path, key):
    wanted = images(dataset)
    WRITERS[key](dataset.annotations, wanted)
    plan(dataset, tmp_path / "out")
    found = {one.name: one for one in planned(tmp_path / "out").values()}
    assert found.keys() == wanted.keys()
    for name, of in wanted.items():
        assert [box.class_name for box in found[name].boxes] == [label for label, _ in of]
        for box, (_, corners) in zip(found[name].boxes, of, strict=True):
            assert box.corners == pytest.approx(corners, abs=5e-6 if key == "tfrecord" else 1e-9)
    assert audited(tmp_path / "out", planned(tmp_path / "out")) == 7
    assert findings(tmp_path / "out/plan/checks.tsv") == []


@pytest.mark.parametrize("key", OF_MANY)
def test_a_missing_image(dataset, tmp_path, key):
    wanted = images(dataset)
    WRITERS[key](dataset.annotations, wanted)
    (dataset.images / "3.jpg").unlink()
    plan(dataset, tmp_path / "out")
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert case.defect == "annotation_without_image" and "(3" in case.file and "there is no image 3" in case.detail
    assert audited(tmp_path / "out", planned(tmp_path / "out")) == 7


@pytest.mark.parametrize("key", WRITERS)
def test_a_class_that_is_not_in_the_label_map(dataset, tmp_path, key):
    path = WRITERS[key](dataset.annotations, images(dataset))
    given = tmp_path / "map.pbtxt"
    given.write_text("item { id: 1 name: 'cat' }")
    where = {"coco": r"annotations\[1\]", "csv": "line 3", "cvat": "line 5", "open_images": "line 3"}
    where |= {"tfrecord": "record 1", "yolo": "line 2"}
    with pytest.raises(UserError, match=rf"2: dog \[.*class_unknown, {where[key]}: ") as error:
        plan(dataset, tmp_path / "out", label_map=str(given))
    assert ("0.txt" if key == "yolo" else f"{path.name} (0") in str(error.value)


@pytest.mark.parametrize("key", ["coco", "csv", "cvat"])
def test_a_size_that_is_not_the_image_s(dataset, tmp_path, key):
    """The image's own size counts, and boxes that fit only the stated one are scaled."""
    path = WRITERS[key](dataset.annotations, images(dataset))
    first, second = {
        "coco": ('"width": 64', '"width": 32'),
        "csv": ("3.jpg,64,48", "3.jpg,32,24"),
        "cvat": ('"64"', '"32"'),
    }[key]
    path.write_text(path.read_text().replace(first, second, 1))
    plan(dataset, tmp_path / "out")
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert case.defect == "size_mismatch" and "the image is 64x48" in case.detail


@pytest.mark.parametrize("key", OF_MANY)
def test_two_images_of_one_name(dataset, tmp_path, key):
    wanted = images(dataset)
    (dataset.images / "3.jpg").unlink()
    for place in ("a", "b"):
        dataset.image(f"{place}/3.jpg", factories.photo(ord(place)))
    path = WRITERS[key](dataset.annotations, wanted)
    with pytest.raises(UserError, match=rf"{path.name} \(3.*annotation_ambiguous, it may belong to a/3.jpg, b/3.jpg"):
        plan(dataset, tmp_path / "out")


BROKEN = {
    "coco": r"it is not valid JSON: line \d+, column \d+",
    "cvat": r"it is not well-formed XML: .*line \d+",
    "tfrecord": r"record \d, at byte \d+, is cut short",
    "yolo": r"line 2: a box has a class and four numbers, but there are 3 values",
}


@pytest.mark.parametrize("key", BROKEN)
def test_a_file_that_is_cut_short(dataset, tmp_path, key):
    path = WRITERS[key](dataset.annotations, images(dataset))
    path = dataset.annotations / "0.txt" if key == "yolo" else path
    data = path.read_bytes()
    if key == "yolo":
        path.write_bytes(b" ".join(data.split()[:8]).replace(b" 1 ", b"\n1 "))
        plan(dataset, tmp_path / "out")
        (case,) = findings(tmp_path / "out/plan/checks.tsv")
        told = case.detail
    else:
        path.write_bytes(data[: len(data) * 3 // 5])
        with pytest.raises(UserError) as error:
            plan(dataset, tmp_path / "out")
        told = str(error.value)
    assert re.search(BROKEN[key], told), told


def one(reading):
    (statement,) = reading.statements
    return statement


@pytest.mark.parametrize(
    ("module", "data", "says"),
    [
        (yolo, b"0 12 30 40 50\n", "line 1: its numbers are over 1, but they are shares"),
        (yolo, b"0 0.5 0.5 0.1 0.1\ncat 0.5 0.5 0.1 0.1\n", "line 2: a row begins with the number of a class"),
        (coco, b"[]", "it is a list"),
        (coco, b'[{"image_id": 1, "bbox": [], "score": 0.5}]', "detections"),
        (coco, b'{"images": [], "annotations": []}', "its list `categories` is missing"),
        (coco, b'{"images": [], "annotations": [{"image_id": 1, "caption": "a cat"}]}', "it has captions of images"),
        (
            coco,
            b'{"images": [{"id": 1, "file_name": "a"}, {"id": 1}], "annotations": [], "categories": []}',
            "have the id 1",
        ),
        (coco, b'{"images": [1], "annotations": [], "categories": []}', "entry 0 of its `images` is no object"),
        (
            coco,
            b'{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
            "category 1 has two names, 'a' and 'b'",
        ),
        (csv, b"", "it is empty"),
        (csv, b"FILE,x,y\na.jpg,1,2\n", "none of the known sets of columns but FILE, x, y"),
        (open_images, b"ImageID,LabelName,XMin,XMax,YMin\n", "has no column ymax"),
        (
            open_images,
            b"ImageID,LabelName,XMin,XMax,YMin,YMax\n" + b"a,cat,0.1,0.2,0.5,0.3\n" * 2,
            "2 of its 2 boxes are inverted",
        ),
        (cvat, b"<annotations><version>1.1</version></annotations>", "neither images nor tracks"),
        (cvat, b"<annotation/>", "its root is <annotation>"),
        (cvat, b'<annotations><image name="a"><tag label="x"/></image></annotations>', "1 tag of whole images"),
    ],
)
def test_what_is_refused(module, data, says):
    with pytest.raises(UserError) as error:
        module.read(data)
    assert says in str(error.value)


def test_rows_of_yolo_are_read_for_themselves():
    rows = "0 0.5 0.5 0.2 0.4\n1 0.1 0.1 0.3 0.1 0.3 0.2\n0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n"
    found = one(reading := yolo.read(rows.encode(), {"../data.yaml": b"names: [no, yes]"}))
    assert [box.class_name for box in found.boxes] == ["no", "yes", "no"]
    assert [box.shape for box in found.boxes] == ["", "polygon", ""]
    assert found.boxes[0].corners == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert [remark.defect for remark in reading.remarks] == ["annotation_odd"]


@pytest.mark.parametrize(
    ("beside", "name"),
    [
        ({"classes.txt": b"a\nb\n"}, "b"),
        # the nearest file counts, and of those in one folder data.yaml
        ({"classes.txt": b"a\nb\n", "../data.yaml": b"names: {0: c, 1: d}"}, "b"),
        ({"classes.txt": b"x\ny\n", "../obj.names": b"a\nb\n"}, "y"),
        ({"classes.txt": b"a\nb\n", "data.yaml": b"names: [c, d]", "obj.names": b"e\nf\n"}, "d"),
        ({"../classes.txt": b"a\nb\n", "../data.yaml": b"names: [c, d]", "../../obj.names": b"e\nf\n"}, "d"),
        ({"data.yaml": b"train: images", "../classes.txt": b"a\nb\n"}, "b"),
        ({"coco128.yaml": b"names: [e, f]", "dataset.yaml": b"names: [c, d]", "data.yml": b"names: [a, b]"}, "b"),
        ({"a.yaml": b"names: [e, f]", "dataset.yaml": b"names: [c, d]"}, "d"),
        # a farther one that says the same and more counts instead
        ({"classes.txt": b"a\n", "../data.yaml": b"names: [c, d]", "../../obj.names": b"a\nb\n"}, "b"),
        ({"notes.json": b'{"categories": [{"id": 0, "name": "a"}, {"id": 1, "name": "b"}]}'}, "b"),
        ({"data.yaml": b"test = test: x: y", "classes.txt": b"a\nb"}, "b"),
        ({"data.yaml": b"names: ['1', yes]"}, "yes"),
    ],
)
def test_the_names_of_yolo_s_classes(beside, name):
    assert one(yolo.read(b"1 0.5 0.5 0.2 0.2", beside)).boxes[0].class_name == name


@pytest.mark.parametrize(
    ("beside", "shape"),
    [
        ({"../data.yaml": b"names: [a]"}, "polygon"),
        ({"../data.yaml": b"names: [a]\nkpt_shape: [3, 2]"}, ""),
        ({"classes.txt": b"a", "../data.yaml": b"names: [a]\nkpt_shape: [3, 2]"}, ""),
        ({"../data.yaml": b"names: [a]", "../../data.yaml": b"names: [b]\nkpt_shape: [3, 2]"}, "polygon"),
    ],
)
def test_the_nearest_yaml_file_says_whether_rows_are_poses(beside, shape):
    (box,) = one(yolo.read(b"0 0.1 0.1 0.5 0.1 0.5 0.5 0.2 0.6 0.1 0.4", beside)).boxes
    assert box.shape == shape


def test_the_labels_of_labelme_are_no_names_of_yolo():
    """They begin with one that LabelMe does not count, and converters leave out two of them or none."""
    (remark,) = yolo.read(b"1 0.5 0.5 0.2 0.2", {"labels.txt": b"__ignore__\n_background_\ncat\ndog\n"}).remarks
    assert (remark.defect, remark.about) == ("class_number", "1")


def test_a_number_without_a_name_is_refused():
    with pytest.raises(UserError, match=r"line 1: class 7 has no name in classes.txt, which names the classes 0 to 1"):
        yolo.read(b"7 0.5 0.5 0.2 0.2", {"classes.txt": b"a\nb\n"})
    (remark,) = yolo.read(b"7 0.5 0.5 0.2 0.2").remarks
    assert (remark.defect, remark.about) == ("class_number", "7")


@pytest.mark.parametrize(
    ("table", "box", "unit"),
    [
        ("image,label,x1,y1,x2,y2\na.jpg,cat,1,2,30,40", (1, 2, 30, 40), "pixels"),
        (",filename,class,xmin,ymin,xmax,ymax\n0,a.jpg,cat,1,2,30,40", (1, 2, 30, 40), "pixels"),
        ("filename,xmin,ymin,width,height,class\na.jpg,1,2,30,40,cat", (1, 2, 31, 42), "pixels"),
        ('image_id,width,height,bbox,class\na.jpg,64,48,"[1, 2, 30, 40]",cat', (1, 2, 31, 42), "pixels"),
        (f"{HEAD}\na.jpg,64,48,cat,0.1,0.2,0.5,1", (0.1, 0.2, 0.5, 1), "normalised"),
        ("sep=;\nfilename;class;xmin;ymin;xmax;ymax\na.jpg;cat;1;2;30;40\n", (1, 2, 30, 40), "pixels"),
        ("filename;class;xmin;ymin;xmax;ymax\r\na.jpg;cat;1;2;30;40\r\n", (1, 2, 30, 40), "pixels"),
        (f"\ufeff{HEAD}\na.jpg,0,0,cat,1,2,30,40\n{HEAD}\n", (1, 2, 30, 40), "pixels"),
        ("filename;class;xmin;ymin;xmax;ymax\na.jpg;cat;1,5;2;30,25;40", (1.5, 2, 30.25, 40), "pixels"),
        (f"{HEAD}\na.jpg,64,48,cat,0.1,0.2,1.08,0.9", (0.1, 0.2, 1.08, 0.9), "normalised"),
        (f"{HEAD}\na.jpg,64,48,cat,0.1,0.2,2.5,0.9", (0.1, 0.2, 2.5, 0.9), "pixels"),
        (f"{HEAD}\na.jpg,64,48,cat,0,0,1.5,0.9", (0, 0, 1.5, 0.9), "pixels"),
    ],
)
def test_the_columns_of_a_table(table, box, unit):
    found = one(csv.read(table.encode()))
    assert found.unit == unit
    assert [(one.class_name, one.corners) for one in found.boxes] == [("cat", pytest.approx(box))]
    assert csv.sniff(table.encode(), "a.csv")


def test_rows_of_a_table_that_are_no_objects_or_lose_one():
    table = (
        f"{HEAD}\na.jpg,64,48,cat,1,2,30,40\nnone.jpg,,,,,,,\n,64,48,cat,1,2,30,40\nb.jpg,64,48,cat,1,2,x,40\nc.jpg,cat"
    )
    found = csv.read(table.encode())
    assert [(one.image, len(one.boxes)) for one in found.statements] == [
        ("a.jpg", 1),
        ("none.jpg", 0),
        ("b.jpg", 1),
        ("c.jpg", 0),
    ]
    (lost,) = found.remarks
    assert (lost.defect, lost.objects) == ("object_without_image", 1) and "line 4" in lost.detail


def test_a_class_before_the_box_without_names_of_columns():
    rows = (
        "a.jpg,1,305,162,410,254\na.jpg,2,209,246,278,339\nb.jpg,2,233,136,440,476\nb.jpg,1,9,40,85,344\nc.jpg,,,,,\n"
    )
    with pytest.raises(UserError, match="these seem to be filename, class, xmin, ymin, xmax, ymax; write them in its"):
        csv.read(rows.encode())
    assert one(csv.read(f"filename,class,xmin,ymin,xmax,ymax\n{rows[:24]}".encode())).boxes[0].xmax == 410
    usual = "a.jpg,30,16,41,54,1\na.jpg,20,24,27,33,2\nb.jpg,23,13,44,47,2\nb.jpg,9,40,85,344,1\n"
    assert [remark.about for remark in csv.read(usual.encode()).remarks] == ["1", "2"]


def test_scores_in_a_table_are_told():
    table = "image,xmin,ymin,xmax,ymax,label,confidence\na.jpg,1,2,30,40,cat,{}\nb.jpg,1,2,30,40,cat,1\n"
    (remark,) = csv.read(table.format(0.93).encode()).remarks
    assert remark == ("annotation_odd", "its column confidence has scores, as detections have", "", 0)
    assert not csv.read(table.format(1).encode()).remarks


def test_flags_are_kept():
    said = {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "cat"}]}
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    more = [{"iscrowd": "false"}, {"iscrowd": True}, {"attributes": {"occluded": True}}, {"ignore": 1}]
    found = one(coco.read(json.dumps(said | {"annotations": [box | one for one in more]}).encode()))
    assert [one.flags for one in found.boxes] == ["", "crowd", "occluded", "ignore"]
    row = "ImageID,LabelName,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsInside\na,cat,0,1,0,1,1,-1,1,0\n"
    (box,) = one(open_images.read(row.encode())).boxes
    assert (box.flags, box.truncated) == ("group_of occluded", False)


@pytest.mark.parametrize("module", [cvat, labelme])
def test_lines_that_come_back_to_their_start_are_outlines(module):
    outline, path = [(10, 20), (30, 19), (32, 44), (11, 22)], [(10, 20), (30, 19), (32, 44), (30, 46)]
    if module is cvat:
        lines = [";".join(f"{x},{y}" for x, y in points) for points in (outline, path)]
        shapes = "".join(f'<polyline label="cat" points="{points}"/>' for points in lines)
        data = f'<annotations><image name="a.jpg">{shapes}</image></annotations>'
    else:
        shapes = [{"label": "cat", "shape_type": "linestrip", "points": points} for points in (outline, path)]
        data = json.dumps({"shapes": shapes, "imagePath": "a.jpg"})
    closed, line = one(module.read(data.encode())).boxes
    assert (closed.corners, closed.shape, line.shape) == ((10, 19, 32, 44), "polygon", "line")


def test_the_root_of_xml_decides():
    """Not an element with the same name, nor one in a comment."""
    other = b'<?xml version="1.0"?><paintings><annotation x="1"/><annotations><image/></annotations></paintings>'
    head = b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- <paintings> --><!DOCTYPE a [<!ENTITY b "<c>">]>\n'
    assert not voc.sniff(other) and not cvat.sniff(other) and not dlib.sniff(b"<a><dataset><images/></dataset></a>")
    assert voc.sniff(head + b"<annotation verified='yes'>") and dlib.sniff(head + b"<dataset>\n<name/><images>")
    assert cvat.sniff(head + b"<annotations><meta>") and not cvat.sniff(head + b"<annotations><a>")
    assert voc.sniff("<annotation><size/></annotation>".encode("utf-16"))


def test_frames_of_a_video(dataset):
    shapes = "".join(f'<box frame="{n}" outside="{n // 2}" xtl="1" ytl="2" xbr="3" ybr="4"/>' for n in range(3))
    meta = "<meta><task><size>5</size><original_size><width>64</width><height>48</height></original_size></task></meta>"
    said = cvat.read(f'<annotations>{meta}<track id="0" label="cat">{shapes}</track></annotations>'.encode())
    assert [(one.image, len(one.boxes)) for one in said.statements] == [
        (f"frame_{number:06d}", int(number < 2)) for number in range(5)
    ]
    assert {(one.width, one.height) for one in said.statements} == {(64, 48)}


def video(tracks, meta=""):
    shape = '<box frame="{}" keyframe="{}" outside="{}" xtl="1" ytl="2" xbr="30" ybr="40"/>'
    said = "".join(
        f'<track id="{number}" label="cat" {more}>{"".join(shape.format(*one) for one in shapes)}</track>'
        for number, (more, shapes) in enumerate(tracks)
    )
    return cvat.read(f"<annotations>{meta}{said}</annotations>".encode())


def test_boxes_behind_the_end_of_a_track_are_ignored_and_told():
    shapes = [(0, 1, 0), (1, 1, 1), (2, 0, 0), (3, 0, 0), (4, 1, 0), (5, 0, 0)]
    said = video([("", shapes)])
    assert [(one.image[-1], [box.flags for box in one.boxes]) for one in said.statements] == [
        ("0", [""]),
        ("1", []),
        ("2", ["ignore"]),
        ("3", ["ignore"]),
        ("4", [""]),
        ("5", [""]),
    ]
    (remark,) = said.remarks
    assert remark.detail.startswith("2 boxes are in frames 2 to 3, where the track has ended")
    assert not video([("", [(0, 0, 0), (1, 0, 1), (2, 0, 0)])]).remarks  # no key frame ends it


def test_boxes_behind_the_last_frame_of_a_task_are_told():
    meta = "<meta><task><size>3</size><start_frame>0</start_frame><stop_frame>2</stop_frame></task></meta>"
    said = video([("", [(1, 1, 0), (2, 0, 0), (3, 0, 0), (4, 1, 1)])], meta)
    assert [one.image[-1] for one in said.statements] == ["0", "1", "2", "3"]  # and none for where it is not
    (remark,) = said.remarks
    assert remark.detail == "1 box is in frame 3, but the last frame of the task is 2"


def test_videos_of_one_project_are_kept_apart():
    """Tasks of a project have frames of the same numbers."""
    tasks = "".join(
        f"<task><id>{key}</id><size>2</size><original_size><width>{width}</width><height>48</height></original_size>"
        "</task>"
        for key, width in ((7, 64), (8, 80))
    )
    said = video(
        [('task_id="7" subset="Train"', [(0, 1, 0)]), ('task_id="8" subset="Validation"', [(0, 1, 0), (1, 0, 0)])],
        f"<meta><project><tasks>{tasks}</tasks></project></meta>",
    )
    assert [(one.image[-1], one.split, one.folders, one.width, len(one.boxes)) for one in said.statements] == [
        ("0", "Train", ("Train",), 64, 1),
        ("1", "Train", ("Train",), 64, 0),
        ("0", "Validation", ("Validation",), 80, 1),
        ("1", "Validation", ("Validation",), 80, 1),
    ]


def test_images_of_one_name_in_the_subsets_of_a_project(dataset, tmp_path):
    shape = '<box label="cat" occluded="0" xtl="{0}" ytl="2" xbr="30" ybr="40"/>'
    said = "".join(
        f'<image id="{number}" name="{number}.jpg" subset="{subset}" task_id="{task}" width="64" height="48">'
        f"{shape.format(task)}</image>"
        for task, subset in enumerate(("Train", "Validation"), start=1)
        for number in range(3)
    )
    (dataset.annotations / "annotations.xml").write_text(f"<annotations>{said}</annotations>")
    for subset in ("Train", "Validation"):
        for number in range(3):
            dataset.image(f"{subset}/{number}.jpg", factories.photo(10 * len(subset) + number))
    plan(dataset, tmp_path / "out")
    found = {one.name: one.boxes[0].xmin for one in planned(tmp_path / "out").values()}
    assert found == {f"{side}/{n}.jpg": task for side, task in (("Train", 1), ("Validation", 2)) for n in range(3)}
    assert {case.defect for case in findings(tmp_path / "out/plan/checks.tsv")} == {"same_name"}


@pytest.mark.parametrize("differ", [False, True])
def test_an_image_that_is_there_twice_loses_no_box_in_silence(dataset, tmp_path, differ):
    """CVAT's names of images of several tasks of a project can meet."""
    path = write_cvat(dataset.annotations, images(dataset))
    text = path.read_text().replace('id="5" name="5.jpg"', 'id="4" name="4.jpg"')
    text = '"9"'.join(text.rsplit('"8.0"', 1)) if differ else text
    path.write_text(text.replace('id="3" name="3.jpg"', 'id="2" name="3.jpg"'))
    plan(dataset, tmp_path / "out")
    assert audited(tmp_path / "out", found := planned(tmp_path / "out")) == 7
    assert {one.name for one in found.values()} == {f"{number}.jpg" for number in range(4 if differ else 5)}
    told = {case.defect: case.detail for case in findings(tmp_path / "out/plan/checks.tsv")}
    assert told.keys() == {"annotation_odd", "annotation_twice", "image_without_annotation"}
    assert told["annotation_odd"].startswith("1 id is that of several images, as 2 of 2.jpg, 3.jpg")


def test_ids_that_coco_has_several_times(dataset, tmp_path):
    path = write_coco(dataset.annotations, images(dataset))
    said = json.loads(path.read_text())
    said["images"][5]["id"] = 4  # images 4 and 5, with an annotation that says 4 and one that says 5
    said["annotations"][1]["id"] = said["annotations"][0]["id"]
    path.write_text(json.dumps(said))
    plan(dataset, tmp_path / "out")
    assert audited(tmp_path / "out", found := planned(tmp_path / "out")) == 7
    assert {one.name for one in found.values()} == {f"{number}.jpg" for number in range(4)}
    cases = findings(tmp_path / "out/plan/checks.tsv")
    told = [(case.defect, case.detail) for case in cases if case.defect != "image_without_annotation"]
    assert [defect for defect, _ in told] == ["annotation_odd", "object_without_image", "object_without_image"]
    assert "1 of its 7 annotations have the id of an earlier one" in told[0][1]
    assert "are of image 4, and several images have that id" in told[1][1]
    assert "are of image 5" in told[2][1]


def test_the_text_of_a_class_counts_where_its_number_disagrees():
    """VoTT counts ids from 0 and its label map from 1."""
    sample = Sample("a.jpg", "", "", 64, 48, "jpeg", (), (Box("cat", *BOXES["cat"]),))
    file = io.BytesIO()
    frames.write(file, example.to_example(sample, b"image", {"cat": 2}))
    label_map = {"map.pbtxt": b"item { id: 1 name: 'cat' } item { id: 2 name: 'dog' }"}
    said = tfrecord.read(file, label_map)
    assert one(said).boxes[0].class_name == "cat"
    (remark,) = said.remarks
    assert remark.defect == "annotation_odd" and "'cat' has 2, which is dog" in remark.detail


@pytest.mark.parametrize(
    "names",
    [
        "filename,image_width,image_height,xmin,ymin,width,height,class",
        "filename,img_width,img_height,left,top,w,h,label",
        "image,imageWidth,imageHeight,x1,y1,box_width,box_height,label",
    ],
)
def test_a_table_with_the_sizes_of_image_and_box(names):
    found = one(csv.read(f"{names}\na.jpg,200,100,10,20,30,40,car\n".encode()))
    assert (found.width, found.height) == (200, 100)
    assert found.boxes[0].corners == (10, 20, 40, 60)
    edges = one(csv.read(b"filename,image_width,image_height,xmin,ymin,xmax,ymax,class\na.jpg,200,100,10,20,30,40,car"))
    assert ((edges.width, edges.height), edges.boxes[0].corners) == ((200, 100), (10, 20, 30, 40))
    assert not csv.sniff(b"filename,image_width,image_height,xmin,ymin,class\na.jpg,200,100,10,20,car\n", "a.csv")


TABLES = {
    csv: (HEAD, "{}a.jpg,64,48,{}cat,1,2,30,40"),
    open_images: ("ImageID,LabelName,XMin,XMax,YMin,YMax", "{}a,{}cat,0.1,0.2,0.3,0.4"),
    automl_csv: ("TRAIN,gs://b/a.jpg,cat,0,0,,,1,1,,", "TRAIN,{}gs://b/a.jpg,{}cat,0,0,,,1,1,,"),
    via_csv: ("filename,region_shape_attributes,region_attributes", "{}a.jpg,{}{{}},{{}}"),
}


@pytest.mark.parametrize("module", TABLES)
@pytest.mark.parametrize("marks", [('"', ""), ("", '"')])
@pytest.mark.parametrize("again", [False, True])
def test_a_stray_quotation_mark_is_named_and_takes_no_rows_along(module, marks, again):
    head, row = TABLES[module]
    sound, stray = row.format("", ""), row.format(*marks)
    assert module.read("\n".join([head, sound, sound]).encode())
    with pytest.raises(UserError, match="line 3 has a quotation mark that does not end in that line; remove it"):
        module.read("\n".join([head, sound, stray, sound, *([stray] if again else []), sound]).encode())


def test_a_remark_of_several_lines_is_a_cell():
    read = csv.read(f'{HEAD},remark\na.jpg,64,48,cat,1,2,30,40,"dark\nand far"\nb.jpg,64,48,cat,1,2,30,40,\n'.encode())
    assert [[box.corners for box in one.boxes] for one in read.statements] == [[(1, 2, 30, 40)]] * 2
    assert [one.places for one in read.statements] == [("line 2",), ("line 4",)]
    with pytest.raises(UserError, match="line 2 has a quotation mark that does not end in that line"):
        csv.read(f'{HEAD},remark\na.jpg,64,48,cat,1,2,30,40,"dark, \nand far"\n'.encode())


def test_values_that_quotation_marks_take_together_are_an_object_and_no_negative():
    for row in ('"a.jpg,64,48,cat,1,2,30,40"', '"a.jpg,64,48,cat,1,2,30",40'):
        (box,) = one(csv.read(f"{HEAD}\n{row}\n".encode())).boxes
        assert box.class_name == "" and all(map(math.isnan, box.corners))
    assert not one(csv.read(f'{HEAD}\n"a, b.jpg"\n'.encode())).boxes


def test_the_file_of_classes_that_is_no_table_is_named():
    table = b"ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/01,0.1,0.2,0.3,0.4\n"
    with pytest.raises(UserError, match=r"cannot be read in \.\./classes.csv: line 2 has a quotation mark"):
        open_images.read(table, {"../classes.csv": b'/m/01,cat\n/m/02,"dog\n/m/03,bird\n'})


def test_shapes_of_cvat_outside_of_images_and_tracks_are_told():
    box = '<box label="cat" xtl="1" ytl="2" xbr="30" ybr="40"/>'
    inside = f'{box}<skeleton label="x"><points label="y" points="1,2"/></skeleton>'
    (remark,) = cvat.read(
        f'<annotations><image name="a">{inside}</image><job>{box}</job></annotations>'.encode()
    ).remarks
    said = "1 shape is outside of the images and tracks of <annotations>"
    assert remark[:2] == ("object_without_image", said) and remark.objects == 1


def test_a_box_whose_class_is_respelt_keeps_its_line(dataset, tmp_path):
    for name in ("0.jpg", "1.jpg"):
        dataset.image(name)
    rows = ["0.jpg,64,48,big  cat,8,6,70,30", "1.jpg,64,48,big cat,8,6,40,30"]
    (dataset.annotations / "labels.csv").write_text("\n".join([HEAD, *rows, ""]))
    plan(dataset, tmp_path / "out")
    (outside,) = [case for case in findings(tmp_path / "out/plan/checks.tsv") if case.defect == "box_outside"]
    assert outside.detail == "line 2: the image is 64x48"


def test_why_a_file_of_classes_gives_no_names_is_told():
    (remark,) = csv.read(b"a.jpg,1,2,30,40,0\n", {"classes.csv": b'cat,0\n"dog,1\nape,2\n'}).remarks
    assert remark.detail.startswith("class 0 has no name, since classes.csv cannot be read: line 2 has a quotation")

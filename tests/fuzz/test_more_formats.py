"""Mutants of the annotation formats of other tools. Independent reading: the objects are counted in a few lines.

A reader gives every object of a file it reads: as a box, with or without a place, or counted by a remark.
"""

import base64
import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from boxwright.core.errors import UserError
from boxwright.dataset import annotation_facts, stated
from boxwright.dataset.formats import (
    automl_csv,
    createml,
    darwin,
    dlib,
    dota,
    ground_truth,
    kitti,
    label_studio,
    labelme,
    mot,
    ndjson,
    supervisely,
    via,
    via_csv,
    visdrone,
    vott,
    yolo_keras,
)
from boxwright.dataset.statements import Reading
from boxwright.images.loader import EXTENSIONS
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.json_mutations import json_mutants
from tests.fuzz.mutations import mutants
from tests.unit.dataset.formats.test_brush import MASK, packed

Count = Callable[[bytes], int]


def lines(data: bytes) -> list[str]:
    try:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = data.decode("utf-16", "replace") if wide else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]


def read(module: Any, given: Any, head: bytes, beside: dict[str, bytes] | None = None, name: str = "a.json") -> Any:
    """What a module reads from `given`, a sound Reading whose boxes the facts keep; None where it refuses the file."""
    module.sniff(head, name)
    getattr(module, "resembles", module.sniff)(head, name)
    got = told(module.read, given, beside or {})
    if isinstance(got, UserError):
        return None
    assert isinstance(got, Reading)
    for one in got.statements:
        assert isinstance(one.image, str)
        assert one.width >= 0 <= one.height
        assert len(one.places) in (0, len(one.boxes))
        for box in one.boxes:
            assert isinstance(box.class_name, str)
            assert all(isinstance(value, float | int) for value in box.corners)
    (kept,) = annotation_facts.said([annotation_facts.columns(*got)])
    assert [repr(one.statement().boxes) for one in kept] == [repr(one.boxes) for one in got.statements]
    return got


def check(module: Any, data: bytes, count: Count, beside: dict[str, bytes] | None = None, name: str = "a.json") -> None:
    """No traceback, and as many objects as `count` finds in a file that is read."""
    if (got := read(module, data, data[: 1 << 16], beside, name)) is None:
        return
    objects = sum(len(dict.fromkeys(one.places)) for one in got.statements) + sum(one.objects for one in got.remarks)
    assert objects == count(data)


def loaded(data: bytes) -> Any:
    return json.loads(stated.text(data))


def many(value: Any) -> list:
    return list(value.values()) if isinstance(value, dict) else value or []


# LabelMe
def _shape(kind: str, *points: list) -> dict:
    return {"label": "cat", "points": list(points), "shape_type": kind, "flags": {"difficult": True}, "group_id": None}


LABELME = [
    {
        "version": "5.5.0",
        "shapes": [
            _shape("rectangle", [20, 30], [80, 90]),
            _shape("polygon", [1, 2], [3, 4], [5, 9]),
            _shape("circle", [10, 10], [12, 12]),
            _shape("point", [1, 1]),
            _shape("mask", [1, 2], [3, 4]),
            _shape("rotation", [1, 2], [3, 4], [5, 9], [0, 3]),
        ],
        "imagePath": "a.jpg",
        "imageData": None,
        "imageHeight": 90,
        "imageWidth": 120,
    }
]


def _bytes(seeds: list) -> list[bytes]:
    return [json.dumps(seed).encode() for seed in seeds]


def _both(seeds: list) -> Any:
    return json_mutants(seeds) | mutants(
        _bytes(seeds), words=["[", "]", "{", "}", ",", ":", '"', "null", "NaN"], text=True
    )


@fuzz(_both(LABELME))
def test_labelme(data: bytes) -> None:
    """Each shape is an object."""
    check(labelme, data, lambda data: len(many(loaded(data)["shapes"])))


# Label Studio
def _region(kind: str, **value: Any) -> dict:
    return {"type": kind, "original_width": 240, "original_height": 180, "id": kind, "value": value | {kind: ["cat"]}}


def _picture() -> str:
    """A mask as a picture in a data URL."""
    content = io.BytesIO()
    Image.fromarray(np.uint8(MASK) * 255).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


_RESULTS = [
    _region("rectanglelabels", x=1, y=2, width=30, height=40, rotation=30),
    _region("polygonlabels", points=[[1, 2], [3, 4], [5, 9]]),
    _region("ellipselabels", x=10, y=20, radiusX=5, radiusY=6, rotation=0),
    _region("keypointlabels", x=1, y=2, width=0.1),
    _region("brushlabels", format="rle", rle=packed(MASK)) | {"original_width": 40, "original_height": 30},
    _region("bitmasklabels", imageDataURL=_picture()),
]
LABEL_STUDIO = [
    [
        {
            "id": 1,
            "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"},
            "annotations": [
                {"result": _RESULTS, "was_cancelled": False, "ground_truth": True, "created_at": "2024-01-01"},
                {"result": _RESULTS[:2], "created_at": "2024-01-02"},
                {"result": _RESULTS[:1], "was_cancelled": True},
            ],
            "predictions": [{"result": _RESULTS[:1]}],
        },
        {"id": 2, "data": {"image": "b.jpg"}, "annotations": [{"result": []}]},
    ]
]
MINIMAL = [
    [
        {
            "image": "a.jpg",
            "id": 1,
            "annotator": 1,
            "annotation_id": 1,
            "label": [{**_RESULTS[0]["value"], "original_width": 1}],
        },
        {"image": "b.jpg", "id": 2, "annotator": 1, "annotation_id": 2},
    ]
]


def _of_label_studio(data: bytes) -> int:
    def shapes(result: list) -> int:
        keys = {"points", "x", "rle", "imageDataURL", "vertices", "sequence"}
        return sum(isinstance(one.get("value"), dict) and bool(keys & one["value"].keys()) for one in result)

    count = 0
    for item in root if isinstance(root := loaded(data), list) else [root]:
        if isinstance(item.get("data"), dict) and item.keys() & {"annotations", "completions", "predictions"}:
            key = next((key for key in ("annotations", "completions") if item.get(key)), "")
            count += sum(shapes(one.get("result") or []) for one in item.get(key) or [])
        else:
            values = [value for value in item.values() if isinstance(value, list) and value]
            values = [value for value in values if all(isinstance(one, dict) for one in value)]
            count += sum(shapes([{"value": one} for one in value]) for value in values)
    return count


@fuzz(_both(LABEL_STUDIO) | _both(MINIMAL))
def test_label_studio(data: bytes) -> None:
    """Each result with a place in the image is an object, or is one of an annotation that does not count."""
    check(label_studio, data, _of_label_studio)


# VIA
def _via(attributes: dict, **shape: Any) -> dict:
    return {"shape_attributes": shape, "region_attributes": attributes}


_REGIONS = [
    _via({"type": "cat"}, name="rect", x=1, y=2, width=30, height=40),
    _via(
        {"type": "dog", "quality": {"difficult": True}}, name="polygon", all_points_x=[1, 2, 3], all_points_y=[4, 9, 6]
    ),
    _via({"type": "dog"}, name="circle", cx=5, cy=6, r=3),
    _via({"type": "cat"}, name="ellipse", cx=5, cy=6, rx=3, ry=2, theta=1.1),
    _via({"type": "cat"}, name="point", cx=5, cy=6),
]
_EXPORT = {"a.jpg9": {"filename": "a.jpg", "size": 9, "regions": _REGIONS, "file_attributes": {}}}
VIA = [
    _EXPORT,
    {"a.jpg9": {"filename": "a.jpg", "regions": {str(number): one for number, one in enumerate(_REGIONS)}}},
    {
        "_via_settings": {},
        "_via_img_metadata": _EXPORT,
        "_via_attributes": {"region": {"type": {"type": "dropdown", "options": {"1": "cat"}}}},
    },
]


def _of_via(data: bytes) -> int:
    root = loaded(data)
    images = root.get("_via_img_metadata", root) or {}
    return sum(len(many(one.get("regions"))) for one in images.values())


@fuzz(_both(VIA))
def test_via(data: bytes) -> None:
    """Each region is an object."""
    check(via, data, _of_via)


def _via_rows() -> bytes:
    text = io.StringIO()
    rows = csv.writer(text)
    head = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    rows.writerow(head.split(","))
    for number, one in enumerate(_REGIONS):
        rows.writerow(["a.jpg", 9, "{}", 5, number, *map(json.dumps, one.values())])
    rows.writerow(["b.jpg", 9, "{}", 0, 0, "{}", "{}"])
    return text.getvalue().encode()


def _rows(data: bytes) -> list[list[str]]:
    text = data.decode("utf-16", "replace") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None
    if text is None:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    found = [
        next(csv.reader([line], skipinitialspace=True), [])
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    return [row for row in found if any(cell.strip() for cell in row)]


def _of_via_csv(data: bytes) -> int:
    head, *rows = _rows(data)
    names = [name.strip().lstrip("#") for name in head]
    places = [len(names) - 1 - names[::-1].index(key) for key in ("region_shape_attributes", "region_attributes")]
    return sum(any(json.loads(row[place] or "{}") for place in places) for row in rows)


@fuzz(mutants([_via_rows()], words=['""', '"', ",", "{}", "\n", "{", "}"], text=True))
def test_via_csv(data: bytes) -> None:
    """Each row with a shape or attributes is an object."""
    check(via_csv, data, _of_via_csv)


# VoTT
def _vott(kind: str) -> dict:
    box = {"left": 1, "top": 2, "width": 30, "height": 40}
    return {"id": "r", "type": kind, "tags": ["cat"], "boundingBox": box, "points": [{"x": 1, "y": 2}] * 4}


_ASSET = {
    "asset": {"name": "a.jpg", "path": "file:/x%20y/a.jpg", "size": {"width": 90, "height": 60}, "state": 2},
    "regions": [_vott("RECTANGLE"), _vott("POLYGON"), _vott("POINT"), _vott("POLYLINE")],
    "version": "2.2.0",
}
VOTT = [
    {
        "name": "p",
        "tags": [{"name": "cat"}],
        "assets": {"1": _ASSET, "2": {"asset": {"name": "b.jpg", "state": 0}, "regions": []}},
    },
    _ASSET,
    {
        "frames": {"a.jpg": [{"x1": 1, "y1": 2, "x2": 3, "y2": 4, "width": 9, "height": 9, "tags": ["cat"]}]},
        "inputTags": "cat",
    },
]


def _of_vott(data: bytes) -> int:
    root = loaded(data)
    if "frames" in root and "assets" not in root:
        return sum(len(many(one)) for one in (root["frames"] or {}).values())
    assets = [root] if "asset" in root else many(root["assets"])
    return sum(len(many(one.get("regions"))) for one in assets)


@fuzz(_both(VOTT))
def test_vott(data: bytes) -> None:
    """Each region is an object."""
    check(vott, data, _of_vott)


# Create ML
_COORDINATES = {"x": 50, "y": 60, "width": 20, "height": 10}
CREATEML = [
    [
        {"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": _COORDINATES}] * 3},
        {"image": "b.jpg", "annotations": []},
    ],
    [{"imagefilename": "a.jpg", "annotation": [{"label": "cat", "coordinates": _COORDINATES}]}],
]


@fuzz(_both(CREATEML))
def test_createml(data: bytes) -> None:
    """Each annotation is an object."""
    check(
        createml,
        data,
        lambda data: sum(len(many(one.get("annotations", one.get("annotation")))) for one in loaded(data)),
    )


# Ground Truth
def _manifest(job: str, made: str) -> dict:
    box = {"class_id": 0, "left": 1, "top": 2, "width": 30, "height": 40}
    about = {"class-map": {"0": "cat"}, "type": "groundtruth/object-detection", "creation-date": made}
    return {job: {"annotations": [box, box], "image_size": [{"width": 90, "height": 60}]}, f"{job}-metadata": about}


_LINE = {"source-ref": "s3://b/a.jpg", **_manifest("one", "2024-01-01"), **_manifest("two", "2024-01-02")}


def _of_ground_truth(data: bytes) -> int:
    count = 0
    for line in map(json.loads, lines(data)):
        for key, value in line.items():
            about = line.get(f"{key}-metadata")
            about = about if isinstance(about, dict) else {}
            kind, failed = about.get("type"), about.get("failure-reason")
            if isinstance(value, dict) and "annotations" in value and not failed:
                named = isinstance(kind, str | int | float) and not isinstance(kind, bool) and str(kind).strip() != ""
                if not named or "object-detection" in str(kind) or "polygon" in str(kind):
                    count += len(many(value["annotations"]))
    return count


@fuzz(json_mutants([_LINE]).map(lambda line: json.dumps(_LINE).encode() + b"\n" + line + b"\n"))
def test_ground_truth(data: bytes) -> None:
    """Each box of a job is an object, or one that a later job corrects."""
    check(ground_truth, data, _of_ground_truth)


@fuzz(mutants([b"\n".join([json.dumps(_LINE).encode()] * 2)], words=["\n", "{", "}", '"'], text=True))
def test_lines_of_ground_truth(data: bytes) -> None:
    """The same, with broken lines."""
    check(ground_truth, data, _of_ground_truth)


# Supervisely
def _supervisely(kind: str, **more: Any) -> dict:
    points = {"exterior": [[1, 2], [30, 4], [5, 60]][: 2 if kind == "rectangle" else 3], "interior": []}
    return {"classTitle": "cat", "geometryType": kind, "tags": [{"name": "difficult"}], "points": points} | more


_MASK = "eJzrDPBz5+WS4mJgYOD19HAJAtLMIMwIInOeqf8BUmwBPiGuQPr///8Lb86/C2SxlBQEJhCxAAAcwxJ9"
SUPERVISELY = [
    {
        "size": {"height": 60, "width": 90},
        "objects": [
            _supervisely("rectangle"),
            _supervisely("polygon"),
            _supervisely("line"),
            _supervisely("bitmap", bitmap={"data": _MASK, "origin": [5, 6]}),
        ],
        "tags": [],
    }
]


@fuzz(_both(SUPERVISELY))
def test_supervisely(data: bytes) -> None:
    """Each object is one."""
    check(supervisely, data, lambda data: len(many(loaded(data)["objects"])))


# Darwin
_DARWIN = {"id": "i", "name": "cat", "slot_names": ["0"]}
DARWIN = [
    {
        "version": "2.0",
        "item": {"name": "a.jpg", "path": "/", "slots": [{"width": 90, "height": 60}]},
        "annotations": [
            {**_DARWIN, "bounding_box": {"x": 1, "y": 2, "w": 30, "h": 40}},
            {**_DARWIN, "polygon": {"paths": [[{"x": 1, "y": 2}, {"x": 3, "y": 4}, {"x": 5, "y": 9}]]}},
            {**_DARWIN, "ellipse": {"center": {"x": 9, "y": 9}, "radius": {"x": 3, "y": 2}, "angle": 1}},
            {**_DARWIN, "tag": {}},
            {**_DARWIN, "keypoint": {"x": 1, "y": 2}},
        ],
    }
]
_SHAPES = {"bounding_box", "polygon", "complex_polygon", "ellipse", "mask", "keypoint", "skeleton", "line", "cuboid"}
_NO_OBJECT = {"tag", "raster_layer", "string", "link", "table"}


def _of_darwin(data: bytes) -> int:
    return sum(bool(one.keys() & _SHAPES) or not one.keys() & _NO_OBJECT for one in many(loaded(data)["annotations"]))


@fuzz(_both(DARWIN))
def test_darwin(data: bytes) -> None:
    """Each annotation that is no tag is an object."""
    check(darwin, data, _of_darwin)


# dlib
_DLIB = (
    "<?xml version='1.0'?><dataset><images>\n<image file='a.jpg'>\n<box top='1' left='2' width='30' height='40'>"
    "<label>cat</label></box>\n<box top='1' left='2' width='30' height='40' ignore='1'/>\n</image>"
    "\n<image file='b.jpg'/></images></dataset>"
)


@fuzz(mutants([_DLIB.encode()], words=["<box>", "</box>", "<image>", "'", "<!--", "&lt;", "<images>"], text=True))
def test_dlib(data: bytes) -> None:
    """Each box of an image is an object."""
    got = told(dlib.read, data)
    dlib.sniff(data, "a.xml")
    if not isinstance(got, UserError):
        try:
            root = ElementTree.fromstring(data)
        except (ElementTree.ParseError, ValueError, LookupError):  # expat and libxml2 differ in odd encodings
            return
        objects = sum(len(one.boxes) for one in got.statements) + sum(one.objects for one in got.remarks)
        assert objects == sum(1 for _ in root.iter("box"))


# Lines of text
_WORDS = [" ", "\n", "\r", ",", "cat", "-1", "nan", "1e5", "\t", "0.5"]
_KITTI = "cat 0.00 0 -10 20.00 30.00 80.00 90.00 -1 -1 -1 -1000 -1000 -1000 -10\n"


def _is_number(word: str) -> bool:
    try:
        return not math.isnan(float(word))
    except ValueError:
        return False


def _of_kitti(data: bytes) -> int:
    """An object is 14 numbers in a row with a word before them."""
    count = 0
    for line in lines(data):
        count += sum(map(_is_number, line.split())) // 14
    return count


@fuzz(mutants([(_KITTI * 2 + _KITTI.replace("cat", "DontCare")).encode(), _KITTI.encode()], words=_WORDS, text=True))
def test_kitti(data: bytes) -> None:
    """Each object of a line is one."""
    got = told(kitti.read, data, {})
    if not isinstance(got, UserError):
        assert sum(len(one.boxes) for one in got.statements) == _of_kitti(data)


def _counted(module: Any, seeds: list[str], name: str, beside: dict[str, bytes] | None = None) -> Callable:
    """A test of a format with an object in each line."""

    @fuzz(mutants([seed.encode() for seed in seeds], words=_WORDS, text=True))
    def test(data: bytes) -> None:
        """Each line is an object."""
        check(module, data, lambda data: len(lines(data)), beside, name)

    return test


_DOTA = "20.0 30.0 80.0 30.0 80.0 90.0 20.0 90.0 cat 0\n164.0 67.7 216.0 97.7 196.0 132.3 144.0 102.3 a dog 1\n"
test_dota = _counted(dota, [_DOTA], "a.txt")
test_visdrone = _counted(visdrone, ["10,20,30,40,1,4,0,0\n10,20,30,40,1,1,1,2,\n0,0,9,9,0,0,0,0\n"], "a.txt")
_MOT = "1,1,21.00,31,60,40,1,2,1.0\n3,1,1,1,5,5,0,1,0.2\n"
test_mot = _counted(
    mot, [_MOT, "1,1,21,31,60,40,1,-1,-1,-1\n"], "gt.txt", {"labels.txt": b"a\nb", "../seqinfo.ini": b"[x"}
)


_NDJSON = [
    {"type": "dataset", "task": "detect", "class_names": {"0": "cat", "1": "dog"}},
    {
        "type": "image",
        "file": "a.jpg",
        "width": 90,
        "height": 60,
        "split": "val",
        "annotations": {"boxes": [[1, 0.5, 0.5, 0.2, 0.4]] * 2, "segments": [[0, 0.1, 0.2, 0.3, 0.2, 0.2, 0.6]]},
    },
]


def _of_ndjson(data: bytes) -> int:
    items = [item for item in map(json.loads, lines(data)) if item["type"] == "image"]
    return sum(len(many(rows)) for item in items for rows in many(item.get("annotations")))


@fuzz(json_mutants([_NDJSON]).map(lambda data: b"\n".join(json.dumps(one).encode() for one in json.loads(data))))
def test_ndjson(data: bytes) -> None:
    """Each row is an object."""
    check(ndjson, data, _of_ndjson)


@fuzz(mutants([b"\n".join(_bytes(_NDJSON))], words=["\n", "{", "}", '"'], text=True))
def test_lines_of_ndjson(data: bytes) -> None:
    """The same, with broken lines."""
    check(ndjson, data, _of_ndjson)


@fuzz(mutants([b"a.jpg 10,20,40,60,0 1,2.5,30,40,1\nb c.png 5,6,7,8,1\nd.jpg\n"], words=_WORDS, text=True))
def test_yolo_keras(data: bytes) -> None:
    """Each group of five numbers behind an image is an object."""
    got = told(yolo_keras.read, data, {"_classes.txt": b"cat\ndog"})
    yolo_keras.sniff(data, "_annotations.txt")
    if not isinstance(got, UserError):
        rest = [
            line[max(line.lower().rfind(end) + len(end) for end in EXTENSIONS if end in line.lower()) :]
            for line in lines(data)
        ]
        words = [word for line in rest for word in line.split(" ") if word.strip()]
        assert sum(len(one.boxes) for one in got.statements) == len(words)


_AUTOML = (
    "TRAIN,gs://b/a.jpg,cat,0.1,0.2,,,0.4,0.6,,\n"
    "TEST,gs://b/a.jpg,cat,0.1,0.2,0.4,0.2,0.4,0.6,0.1,0.6\nUNASSIGNED,gs://b/c.jpg,,,,,,,,,\n"
)


def _of_automl(data: bytes) -> int:
    sets = ("TRAIN", "TRAINING", "VALIDATION", "VALIDATE", "TEST", "UNASSIGNED")
    rows = [[cell.strip() for cell in row] for row in _rows(data)]
    rows = [row[1:] if row[0].upper() in sets else row for row in rows]
    return sum(any(row[1:]) for row in rows)


@fuzz(mutants([_AUTOML.encode()], words=[*_WORDS, '"'], text=True))
def test_automl_csv(data: bytes) -> None:
    """Each row with a class or a number is an object."""
    check(automl_csv, data, _of_automl, name="a.csv")


def test_seeds_are_read() -> None:
    """The seeds give their objects, so that the mutants of them come near."""
    for module, seeds, count in (
        (labelme, LABELME, 6),
        (label_studio, LABEL_STUDIO, 9),
        (label_studio, MINIMAL, 1),
        (via, VIA[:1], 5),
        (vott, VOTT[:1], 4),
        (createml, CREATEML[:1], 3),
        (supervisely, SUPERVISELY, 4),
        (darwin, DARWIN, 4),
    ):
        for data in _bytes(seeds):
            reading = module.read(data, {})
            objects = sum(len(one.boxes) for one in reading.statements) + sum(one.objects for one in reading.remarks)
            assert objects == count

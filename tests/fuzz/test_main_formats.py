"""Mutants of the annotation formats that people have most: COCO, YOLO, tables, Open Images, CVAT, records.

Independent reading: the objects are counted in a few lines. Every object of a file that is read is a box of a
statement, with or without a place, or counted by a remark.
"""

import csv as tables
import io
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from hypothesis import strategies as st

from boxwright import protos, tfrecord
from boxwright.dataset.formats import coco, csv, cvat, open_images, yolo
from boxwright.dataset.formats import tfrecord as records
from boxwright.dataset.statements import Reading
from boxwright.images.loader import EXTENSIONS
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.json_mutations import json_mutants
from tests.fuzz.mutations import mutants
from tests.fuzz.test_more_formats import lines, loaded, read


def check(module: Any, data: bytes, count: Callable[[Any], int | None], beside: dict | None = None) -> None:
    """No traceback, and as many objects as `count` finds in a file that is read; None where it cannot tell."""
    given = io.BytesIO(data) if module is records else data
    if (got := read(module, given, data[: 1 << 16], beside, "a")) is None:
        return
    objects = sum(len(one.boxes) for one in got.statements) + sum(one.objects for one in got.remarks)
    counted = count(data)
    assert counted is None or objects == counted


COCO = [
    {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48},
            {"id": "2", "file_name": "b/c.jpg", "width": "64", "height": 48.0},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3.5, 4], "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": "3", "bbox": ["1", "2", "30", "40"], "iscrowd": "false"},
            {"id": 3, "image_id": 2, "category_id": 3, "segmentation": [[1, 2, 3, 4, 5, 9]]},
            {"id": 4, "image_id": 1, "category_id": 3, "segmentation": {"size": [48, 64], "counts": [90, 5, 48]}},
            {"id": 5, "image_id": 1, "category_id": 3, "segmentation": {"size": [48, 64], "counts": "PPYo1=0"}},
            {"id": 6, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "attributes": {"rotation": 30}},
            {"id": 7, "image_id": 1, "category_id": 3, "segmentation": {"size": [48, 1e308], "counts": [10**400, 5]}},
        ],
        "categories": [{"id": 3, "name": "cat", "supercategory": ""}],
    }
]


@fuzz(json_mutants(COCO) | mutants([json.dumps(one).encode() for one in COCO], words=["[", "}", "NaN"], text=True))
def test_coco(data: bytes) -> None:
    """Each annotation is an object."""
    check(coco, data, lambda data: len(loaded(data)["annotations"]))


YOLO = [
    b"0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.2 0.2\n",
    b"0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\r\n2 0.5 0.5 0.1 0.1\r\n1 0.1 0.2 0.3 0.1 0.5 0.9\r\n",
    b"0 0.5 0.5 0.2 0.2 0.9\n",
    b"0 0.5 0.5 0.2 0.2 0.1 0.1 2 0.3 0.3 1 0.2 0.2 0\n",
    b"./images/a.jpg\nimages/b.png\n",
]
NAMES = [
    {},
    {"classes.txt": b"cat\ndog\nbird\n"},
    {"../data.yaml": b"names: {0: cat, 1: no, 2: 3}\nkpt_shape: [3, 3]\n"},
]


@fuzz(st.tuples(mutants(YOLO, words=["nan", "1e9", "-0.1", "0.0", ","], text=True), st.sampled_from(NAMES)))
def test_yolo(given: tuple[bytes, dict]) -> None:
    """Each line is an object, unless all are images."""

    def count(data: bytes) -> int | None:
        found = lines(data)
        if any(one in data for one in (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\xc2", b"\xe2", b"\0")):
            return None  # there are other ends of lines
        return 0 if found and all(line.lower().endswith(tuple(EXTENSIONS)) for line in found) else len(found)

    check(yolo, given[0], count, given[1])


@fuzz(mutants([b"names: [cat, dog]\n", b"nc: 2\nnames:\n  0: cat\n  1: no\n", b"{names: &a [x], b: *a}"], text=True))
def test_names_of_yolo(data: bytes) -> None:
    """Whatever lies beside the labels, they are read or refused."""
    for name in ("data.yaml", "classes.txt", "obj.names", "notes.json"):
        check(yolo, YOLO[0], lambda _: 2, {name: data})


CSV = [
    b"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,64,48,cat,1,2,30,40\nb.jpg,64,48,dog,1,2,3.5,4\n",
    b"image;label;xmin;ymin;xmax;ymax;split\n'a.jpg';cat;0.1;0.2;0.3;0.4;train\n",
    b"a.jpg,1,2,30,40,cat\nb.jpg,,,,,\nc.png,1,2,30,40,0\n",
    b'image_id,width,height,bbox,class\na.jpg,64,48,"[1, 2, 3, 4]",cat\n',
    b"filename,xmin,ymin,width,height,class\na.jpg,1,2,30,40,cat\n",
]


@fuzz(mutants(CSV, words=['"', ",", ";", "\n", "nan", "filename"], text=True))
def test_csv(data: bytes) -> None:
    """No more objects than rows, and no fewer than lines that have a value between any two delimiters."""
    got = told(csv.read, data, {})
    check(csv, data, lambda _: None)
    if isinstance(got, Reading):
        objects = sum(len(one.boxes) for one in got.statements) + sum(one.objects for one in got.remarks)
        assert objects <= len(data.split(b"\n")) + len(data.split(b"\r"))
        assert objects >= _full_rows(data)


def _full_rows(data: bytes) -> int:
    """The lines that are objects whatever their quotation marks say: no value is blank and none is missing."""
    text = [line.replace("\0", "").replace('"', "") for line in lines(data)] or [""]
    delimiter = max(",;\t|", key=text[0].count)
    first, *others = [[cell.strip() for cell in line.split(delimiter)] for line in text]
    return sum(len(row) >= len(first) > 1 and all(row) and row != first for row in others)


OPEN_IMAGES = [
    b"ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n"
    b"a,xclick,/m/01,1,0.1,0.5,0.2,0.7,0,1,1\na,xclick,/m/02,1,0.1,0.5,0.2,0.7,-1,0,0\n"
]


@fuzz(mutants(OPEN_IMAGES, words=['"', ",", "nan", "/m/01", "1"], text=True))
def test_open_images(data: bytes) -> None:
    """Each row behind the first is an object."""

    def count(data: bytes) -> int | None:
        if b"\0" in data or data[:1] in (b"\xff", b"\xfe"):
            return None
        rows = [next(tables.reader([line], skipinitialspace=True)) for line in lines(data)]
        return sum(1 for row in rows if any(cell.strip() for cell in row)) - 1

    check(open_images, data, count, {"class-descriptions-boxable.csv": b"/m/01,cat\n"})


_IMAGE = (
    '<image id="0" name="a.jpg" width="64" height="48"><box label="cat" occluded="1" xtl="1" ytl="2" xbr="30" ybr="40" '
    'rotation="30"/><polygon label="dog" points="1,2;3,4;5,9"/><mask label="cat" rle="1,2" left="1" top="2" width="3" '
    'height="4"/><ellipse label="cat" cx="9" cy="9" rx="3" ry="4"/><points label="cat" points="1,2"/><tag label="x"/>'
    "</image>"
)
_TRACK = (
    '<track id="0" label="cat"><box frame="0" outside="0" xtl="1" ytl="2" xbr="30" ybr="40"/>'
    '<box frame="3" outside="1" xtl="1" ytl="2" xbr="30" ybr="40"/></track>'
)
_META = "<meta><task><size>4</size><start_frame>0</start_frame><stop_frame>3</stop_frame></task></meta>"
CVAT = [
    f"<annotations><version>1.1</version>{_META}{body}</annotations>".encode()
    for body in (_IMAGE * 2, _TRACK, _IMAGE + _TRACK)
]
_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton")


@fuzz(
    mutants(
        CVAT,
        words=["<box/>", "</image>", "<!--", "&lt;", '"', 'outside="1"', "<image>", "<skeleton>", "</skeleton>"],
        text=True,
    )
)
def test_cvat(data: bytes) -> None:
    """Each shape of an image is an object, and each of a track that is not outside."""

    def count(data: bytes) -> int | None:
        try:
            root = ElementTree.fromstring(data)
        except (ElementTree.ParseError, ValueError, LookupError):
            return None
        shapes = [one for track in root.findall("track") for one in track if one.tag in _SHAPES]
        outside = [one.get("outside", "") for one in shapes]
        if any(value not in ("0", "1", "") for value in outside):
            return None
        return _shapes(root) - outside.count("1")

    def _shapes(element: ElementTree.Element) -> int:
        inside = () if element.tag == "skeleton" else element
        return (element.tag in _SHAPES) + sum(map(_shapes, inside))

    check(cvat, data, count)


def _example(**changes: Any) -> bytes:
    example = protos.Example()
    values = {
        "image/encoded": [b"\xff\xd8 an image"],
        "image/filename": [b"a.jpg"],
        "image/height": [48],
        "image/width": [64],
        **{f"image/object/bbox/{edge}": [0.1, 0.2] for edge in ("xmin", "ymin")},
        **{f"image/object/bbox/{edge}": [0.3, 0.4] for edge in ("xmax", "ymax")},
        "image/object/class/text": [b"cat", b"dog"],
        "image/object/class/label": [1, 2],
        "image/object/difficult": [0, 1],
        **changes,
    }
    for key, of in values.items():
        kind = {bytes: "bytes_list", float: "float_list", int: "int64_list"}[type(of[0])] if of else "int64_list"
        getattr(example.features.feature[key], kind).value.extend(of)
    return example.SerializeToString()


EXAMPLES = [
    _example(),
    _example(**{"image/object/class/text": []}),
    _example(**{"image/object/bbox/xmin": [0.1]}),
    _example(**{"image/encoded": [b""], "image/object/is_crowd": [1, 0]}),
    b"",
]


def framed(*payloads: bytes) -> bytes:
    file = io.BytesIO()
    for payload in payloads:
        tfrecord.write(file, payload)
    return file.getvalue()


LABEL_MAPS = [{}, {"label_map.pbtxt": b"item { id: 1 name: 'cat' } item { id: 2 name: 'dog' }"}, {"a.pbtxt": b"item {"}]


@fuzz(st.tuples(mutants(EXAMPLES), st.sampled_from(LABEL_MAPS)))
def test_records(given: tuple[bytes, dict]) -> None:
    """Each place in the longest list of a record is an object."""
    payload, beside = given

    def count(_: bytes) -> int:
        example = protos.Example.FromString(payload)
        kept = [f"image/object/bbox/{edge}" for edge in ("xmin", "ymin", "xmax", "ymax")]
        kept += [f"image/object/class/{part}" for part in ("text", "label")]
        found = {key: one for key, one in example.features.feature.items() if key in kept}
        return (
            max(
                [len(getattr(one, one.WhichOneof("kind")).value) for one in found.values() if one.WhichOneof("kind")]
                or [0]
            )
            + 2
        )

    check(records, framed(EXAMPLES[0], payload), count, beside)


@fuzz(mutants([framed(*EXAMPLES[:3]), framed(EXAMPLES[0]), b"\x1f\x8b\x08 zipped"]))
def test_frames_of_records(data: bytes) -> None:
    """A damaged file is refused with the record."""
    check(records, data, lambda _: None)

"""The plainest mistakes in every format of other tools: each is named with its file, and the rest is still read.

A writer puts a data set into files of a format. An entry is an image with its stated size and the boxes (class, left,
top, width, height).
"""

import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset import manifest, plan


class Entry(NamedTuple):
    image: str
    boxes: tuple = (("cat", 8, 6, 32, 24),)
    size: tuple = (64, 48)

    @property
    def stem(self):
        return self.image.rpartition(".")[0]

    def shares(self):
        (width, height) = self.size
        return [(name, x / width, y / height, w / width, h / height) for name, x, y, w, h in self.boxes]


def each(ending, text):
    """A writer of a file for each image."""

    def write(folder, entries):
        for one in entries:
            path = folder / f"{one.stem}{ending.replace('*', one.image.rpartition('.')[2])}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(one))

    return write


def whole(name, text):
    """A writer of one file."""
    return lambda folder, entries: (folder / name).write_text(text(entries))


def labelme(one):
    shapes = [
        {"label": name, "points": [[x, y], [x + w, y + h]], "shape_type": "rectangle"} for name, x, y, w, h in one.boxes
    ]
    size = {"imageWidth": one.size[0], "imageHeight": one.size[1]}
    return json.dumps({"shapes": shapes, "imagePath": one.image.rpartition("/")[2], **size})


def label_studio(entries):
    def result(name, x, y, w, h):
        value = {"x": x * 100, "y": y * 100, "width": w * 100, "height": h * 100, "rectanglelabels": [name]}
        return {"type": "rectanglelabels", "value": value}

    return json.dumps(
        [
            {
                "data": {"image": f"/data/local-files/?d={one.image}"},
                "annotations": [
                    {
                        "result": [
                            result(*box) | {"original_width": one.size[0], "original_height": one.size[1]}
                            for box in one.shares()
                        ]
                    }
                ],
            }
            for one in entries
        ]
    )


def via_regions(one):
    return [
        {
            "shape_attributes": {"name": "rect", "x": x, "y": y, "width": w, "height": h},
            "region_attributes": {"class": name},
        }
        for name, x, y, w, h in one.boxes
    ]


def via(entries):
    images = {one.image: {"filename": one.image, "regions": via_regions(one)} for one in entries}
    return json.dumps({"_via_settings": {}, "_via_img_metadata": images})


def via_csv(entries):
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["filename", "region_shape_attributes", "region_attributes"])
    for one in entries:
        rows.writerows([one.image, *map(json.dumps, region.values())] for region in via_regions(one))
    return text.getvalue()


def vott(entries):
    def region(name, x, y, w, h):
        return {"type": "RECTANGLE", "tags": [name], "boundingBox": {"left": x, "top": y, "width": w, "height": h}}

    assets = {
        one.image: {
            "asset": {"name": one.image, "state": 2, "size": {"width": one.size[0], "height": one.size[1]}},
            "regions": [region(*box) for box in one.boxes],
        }
        for one in entries
    }
    return json.dumps({"tags": [], "assets": assets})


def createml(entries):
    return json.dumps(
        [
            {
                "image": one.image,
                "annotations": [
                    {"label": name, "coordinates": {"x": x + w / 2, "y": y + h / 2, "width": w, "height": h}}
                    for name, x, y, w, h in one.boxes
                ],
            }
            for one in entries
        ]
    )


def supervisely(one):
    objects = [
        {
            "classTitle": name,
            "geometryType": "rectangle",
            "points": {"exterior": [[x, y], [x + w - 1, y + h - 1]]},
        }
        for name, x, y, w, h in one.boxes
    ]
    return json.dumps({"size": {"width": one.size[0], "height": one.size[1]}, "objects": objects})


def darwin(one):
    annotations = [{"name": name, "bounding_box": {"x": x, "y": y, "w": w, "h": h}} for name, x, y, w, h in one.boxes]
    slots = [{"width": one.size[0], "height": one.size[1]}]
    item = {"name": one.image.rpartition("/")[2], "slots": slots}
    return json.dumps({"version": "2.0", "item": item, "annotations": annotations})


def ground_truth(entries):
    lines = []
    for one in entries:
        boxes = [
            {"class_id": 0, "class": name, "left": x, "top": y, "width": w, "height": h}
            for name, x, y, w, h in one.boxes
        ]
        lines.append(
            {
                "source-ref": f"s3://bucket/{one.image}",
                "job": {"annotations": boxes, "image_size": [{"width": one.size[0], "height": one.size[1]}]},
                "job-metadata": {
                    "class-map": {"0": one.boxes[0][0] if one.boxes else "cat"},
                    "type": "groundtruth/object-detection",
                },
            }
        )
    return "\n".join(map(json.dumps, lines))


def ndjson(entries):
    names = sorted({name for one in entries for name, *_ in one.boxes})
    lines = [{"type": "dataset", "class_names": dict(enumerate(names))}]
    lines += [
        {
            "type": "image",
            "file": one.image,
            "width": one.size[0],
            "height": one.size[1],
            "annotations": {
                "boxes": [[names.index(name), x + w / 2, y + h / 2, w, h] for name, x, y, w, h in one.shares()]
            },
        }
        for one in entries
    ]
    return "\n".join(map(json.dumps, lines))


def automl(entries):
    rows = [
        f"TRAIN,gs://bucket/{one.image},{name},{x},{y},,,{x + w},{y + h},,"
        for one in entries
        for name, x, y, w, h in one.shares()
    ]
    return "\n".join(rows)


def dlib(entries):
    images = [
        f"<image file='{one.image}'>"
        + "".join(
            f"<box left='{x}' top='{y}' width='{w}' height='{h}'><label>{name}</label></box>"
            for name, x, y, w, h in one.boxes
        )
        + "</image>\n"
        for one in entries
    ]
    return f"<dataset><images>\n{''.join(images)}</images></dataset>"


def kitti(one):
    rest = "-1 -1 -1 -1000 -1000 -1000 -10"
    return "\n".join(f"{name} 0 0 -10 {x} {y} {x + w} {y + h} {rest}" for name, x, y, w, h in one.boxes)


def dota(one):
    return "\n".join(f"{x} {y} {x + w} {y} {x + w} {y + h} {x} {y + h} {name} 0" for name, x, y, w, h in one.boxes)


def visdrone(one):
    return "\n".join(f"{x},{y},{w},{h},1,4,0,0" for _, x, y, w, h in one.boxes)


def mot(entries):
    """The frames are the entries in their order, from 1."""
    rows = [
        f"{frame},-1,{x},{y},{w},{h},1,1,1.0" for frame, one in enumerate(entries, 1) for _, x, y, w, h in one.boxes
    ]
    return "\n".join(rows)


def yolo_keras(entries):
    lines = [f"{one.image} {' '.join(f'{x},{y},{x + w},{y + h},0' for _, x, y, w, h in one.boxes)}" for one in entries]
    return "\n".join(lines)


WRITERS = {
    "labelme": each(".json", labelme),
    "label_studio": whole("project.json", label_studio),
    "via": whole("via.json", via),
    "via_csv": whole("via.csv", via_csv),
    "vott": whole("export.json", vott),
    "createml": whole("createml.json", createml),
    "supervisely": each(".*.json", supervisely),
    "darwin": each(".json", darwin),
    "ground_truth": whole("output.manifest", ground_truth),
    "ndjson": whole("dataset.ndjson", ndjson),
    "automl_csv": whole("import.csv", automl),
    "dlib": whole("dataset.xml", dlib),
    "kitti": each(".txt", kitti),
    "dota": each(".txt", dota),
    "visdrone": each(".txt", visdrone),
    "mot": whole("gt.txt", mot),
    "yolo_keras": whole("_annotations.txt", yolo_keras),
}
# Those that state the size of the image, and where the names of the classes are that have none of their own.
SIZED = ("labelme", "label_studio", "vott", "supervisely", "darwin", "ground_truth", "ndjson")
NAMES = {"yolo_keras": "_classes.txt", "mot": "labels.txt"}
# VisDrone's classes have names of their own.
CLASSES = {"visdrone": "cat"}


@pytest.fixture(params=WRITERS)
def key(request):
    return request.param


@pytest.fixture
def written(key, dataset, tmp_path):
    """Plans entries in a format; returns the boxes by image and the rows of checks.tsv."""

    def make(entries, missing=(), **changes):
        # MOT's frames have their numbers for names
        names = {f"{number:06d}": one.stem for number, one in enumerate(entries, 1)} if key == "mot" else {}
        stems = {stem: number for number, stem in names.items()}
        for one in entries:
            if one.image not in missing:
                dataset.image(one.image.replace(one.stem, stems.get(one.stem, one.stem)))
        WRITERS[key](dataset.annotations, entries)
        if key in NAMES:
            (dataset.annotations / NAMES[key]).write_text("cat\n")
        plan.make(dataset.settings(near_duplicates=False, **changes), tmp_path / "out")
        text = (tmp_path / "out/plan/checks.tsv").read_text()
        for number, stem in names.items():
            text = text.replace(number, stem)
        rows = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
        samples = [one for path in (tmp_path / "out/plan").glob("*.jsonl") for one in manifest.read(path)]
        boxes = {
            f"{names.get(image.stem, image.with_suffix('').as_posix())}{image.suffix}": [
                (CLASSES.get(key, box.class_name), *(round(value, 6) for value in box.corners)) for box in one.boxes
            ]
            for one in samples
            for image in [Path(one.image).relative_to(dataset.images)]
        }
        return boxes, rows

    return make


GOOD = [Entry(f"{number}.jpg") for number in range(6)]
CAT = ("cat", 8, 6, 40, 30)


def test_a_good_data_set(written):
    boxes, rows = written(GOOD)
    assert boxes == {one.image: [CAT] for one in GOOD}
    assert rows == []


def test_a_missing_image(written):
    boxes, rows = written([*GOOD, Entry("gone.jpg")], missing=["gone.jpg"])
    assert boxes.keys() == {one.image for one in GOOD}
    ((file, _, defect, action, detail),) = rows
    assert (defect, action) == ("annotation_without_image", "drop_image")
    assert "gone" in file + detail


def test_an_unknown_class(written, tmp_path):
    (tmp_path / "map.pbtxt").write_text('item { id: 1 name: "dog" }')
    with pytest.raises(UserError, match=r"(?s)class_unknown.*the label map has dog"):
        written(GOOD, label_map=str(tmp_path / "map.pbtxt"))


def test_a_wrong_size(written, key):
    """The same boxes, and a size that is no image's: pixels are taken as they are, shares as shares."""
    if key not in SIZED:
        pytest.skip("it states no size")
    boxes, rows = written([*GOOD[:5], Entry("5.jpg", size=(640, 480))])
    assert boxes["5.jpg"] in ([CAT], [("cat", 0.8, 0.6, 4, 3)])
    assert [(row[2], row[3]) for row in rows] == [("size_mismatch", "fix")]
    assert "640x480" in rows[0][4]


def test_a_box_beyond_the_image(written):
    boxes, rows = written([*GOOD[:5], Entry("5.jpg", (("cat", 8, 6, 100, 24),))])
    assert boxes["5.jpg"] == [("cat", 8, 6, 64, 30)]
    assert [(row[2], row[3]) for row in rows] == [("box_outside", "fix")]


def test_a_box_without_area(written, key):
    if key == "supervisely":
        pytest.skip("its boxes are at least a pixel wide")
    boxes, rows = written([*GOOD[:5], Entry("5.jpg", (("cat", 8, 6, 32, 24), ("cat", 9, 9, 0, 10)))])
    assert boxes["5.jpg"] == [CAT]
    assert [(row[2], row[3]) for row in rows] == [("box_zero_area", "drop_box")]


def test_two_images_of_one_name(written):
    """Their folders tell them apart, where the format states folders."""
    pairs = [
        Entry(f"{place}/{number}.jpg", (("cat", left, 6, 32, 24),)) for number in range(3) for place, left in SIDES
    ]
    try:
        boxes, rows = written(pairs)
    except UserError as error:
        assert "annotation_ambiguous" in str(error)
    else:
        assert {image: found[0][1] for image, found in boxes.items()} == {one.image: one.boxes[0][1] for one in pairs}
        assert {row[2] for row in rows} <= {"same_name"}


SIDES = (("one", 8), ("two", 9))


def test_a_broken_file(written, key, dataset, tmp_path):
    """Without its end: the reason has a line, a file, or both."""
    WRITERS[key](dataset.annotations, GOOD)
    (path, *_) = sorted(dataset.annotations.iterdir())
    text = path.read_text()
    path.write_text(f"{text[:-12]}\x00")
    for one in GOOD:
        dataset.image(one.image)
    try:
        plan.make(dataset.settings(format=key, near_duplicates=False), tmp_path / "out")
        told = (tmp_path / "out/plan/checks.tsv").read_text()
    except UserError as error:
        told = str(error)
    assert path.name in told
    assert any(defect in told for defect in ("annotation_malformed", "annotation_foreign", "box_not_a_number"))
    assert "line " in told

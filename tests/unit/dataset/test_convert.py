"""Annotations in one format become those of another, and come back."""

import errno
import json
import os
from pathlib import Path

import pytest
from tests import factories

from boxwright import tfrecord
from boxwright.core.errors import UserError
from boxwright.dataset import convert, gate
from boxwright.dataset.samples import Box, Sample, boxes_from_json
from boxwright.records import example

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "formats" / "samples"
FLAGS = ("difficult", "truncated", "pose")


def read(images, annotations):
    """By the name of each image, its boxes."""
    passed = gate.check([str(images)], [str(annotations)], policies=convert._POLICIES)
    return {one.name: boxes_from_json(one.boxes) for one in passed.samples}


def same(one, other, size, flags=FLAGS):
    """Whether two boxes are equal, their coordinates to a millionth of the image and those flags."""
    close = [abs(a - b) <= 1e-6 * side for a, b, side in zip(one.corners, other.corners, size * 2, strict=True)]
    return all(close) and all(getattr(one, flag) == getattr(other, flag) for flag in ("class_name", *flags))


SOURCE = [
    Box("cat", 8.25, 6, 40, 30.125),
    Box("Straßen schild", 0, 0, 64, 48, difficult=True),
    Box("dog", 1 / 3, 5, 20, 47, truncated=True, pose="Left"),
    Box("dog", 1 / 3, 5, 20, 47),
]
LOST = {
    "voc": [],
    "coco": [],
    "yolo": ["the flag `difficult` of 1 box", "the flag `truncated` of 1 box", "the flag `pose` of 1 box"],
    "csv": ["1 image without objects", "the flag `pose` of 1 box"],
}


@pytest.mark.parametrize("to", convert.TARGETS)
def test_every_box_comes_back(to, dataset, tmp_path):
    dataset.sample("a.jpg", *SOURCE)
    dataset.sample("deep/er/b.png", Box("cat", 1, 2, 30, 40), data=factories.encode(factories.pixels(2), "PNG"))
    dataset.image("none.jpg")
    dataset.xml("none.jpg")
    told = convert.convert(dataset.annotations, tmp_path / "out", to, [str(dataset.images)])
    found = read(dataset.images, tmp_path / "out")
    flags = {"voc": FLAGS, "coco": FLAGS, "yolo": (), "csv": FLAGS[:2]}[to]
    for one, other in zip(SOURCE, found["a.jpg"], strict=True):
        assert same(one, other, (64, 48), flags)
    assert len(found["deep/er/b.png"]) == 1
    assert ("none.jpg" in found) == (to != "csv")
    assert f"3 images with 5 boxes are in {tmp_path / 'out'} as {convert.TARGETS[to]}." in told
    assert told.splitlines()[-len(LOST[to]) :] == [f"  {text}" for text in LOST[to]] or not LOST[to]
    assert ("cannot say" in told) == bool(LOST[to])


def test_yolo_can_be_used_at_once(dataset, tmp_path):
    dataset.sample("one/a.jpg", *SOURCE)
    convert.convert(dataset.annotations, tmp_path / "out", "yolo", [str(dataset.images)])
    assert (tmp_path / "out/images/one/a.jpg").read_bytes() == (dataset.images / "one/a.jpg").read_bytes()
    assert len((tmp_path / "out/labels/one/a.txt").read_text().splitlines()) == 4
    assert (tmp_path / "out/data.yaml").read_text().endswith('  0: "Straßen schild"\n  1: "cat"\n  2: "dog"\n')
    found = read(tmp_path / "out/images", tmp_path / "out/labels")
    assert [box.class_name for box in found["one/a.jpg"]] == [box.class_name for box in SOURCE]


@pytest.mark.parametrize(("refused", "copied"), [(["symlink_to"], False), (["symlink_to", "hardlink_to"], True)])
def test_yolo_where_no_links_can_be_made(dataset, tmp_path, monkeypatch, refused, copied):
    """As on exFAT, on Windows without the right for it, and on network drives."""

    def refuse(self, *_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(self))

    for how in refused:
        monkeypatch.setattr(Path, how, refuse)
    dataset.sample("a.jpg", *SOURCE)
    dataset.sample("b.jpg")
    told = convert.convert(dataset.folder, tmp_path / "out", "yolo")
    for name in ("a.jpg", "b.jpg"):
        image = tmp_path / "out/images" / name
        assert not image.is_symlink() and image.read_bytes() == (dataset.images / name).read_bytes()
    assert ("images/ has copies of 2 images, since no links can be made there.\n" in told) == copied


@pytest.mark.parametrize("to", convert.TARGETS)
def test_the_longest_names(to, dataset, tmp_path):
    """A name of 255 bytes, to which nothing can be added."""
    name = f"{'x' * 251}.jpg"
    dataset.image(name)
    dataset.xml(name, Box("cat", 8, 6, 40, 30))
    convert.convert(dataset.annotations, tmp_path / "out", to, [str(dataset.images)])
    assert list(read(dataset.images, tmp_path / "out")) == [name]


def test_yolo_has_labels_where_ultralytics_looks_for_them(dataset, tmp_path):
    for name in ("a.jpg", "Images/b.jpg", "sub/labels/c.jpg"):
        dataset.sample(name)
    convert.convert(dataset.folder, tmp_path / "out", "yolo")
    images = [path for path in (tmp_path / "out/images").rglob("*.jpg") if path.exists()]
    labels = ["/labels/".join(str(path).rsplit("/images/", 1)).replace(".jpg", ".txt") for path in images]
    assert len(labels) == 3 and all(Path(path).is_file() for path in labels)
    assert "path:" not in (tmp_path / "out/data.yaml").read_text()
    dataset.sample("images/a.jpg")
    with pytest.raises(UserError, match=r"called images or labels alone: a.jpg and images/a.jpg"):
        convert.convert(dataset.annotations, tmp_path / "again", "yolo", [str(dataset.images)])


def test_flags_of_coco_come_back(dataset, tmp_path):
    dataset.image("a.jpg")
    names = ("crowd", "ignore", "group_of", "occluded", "depiction", "inside")
    boxes = [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": [n, n, 30, 30], "attributes": {name: True}}
        | ({"iscrowd": 1} if name == "crowd" else {"ignore": 1} if name == "ignore" else {})
        for n, name in enumerate(names)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "annotations": boxes,
        "categories": [{"id": 1, "name": "cat"}],
    }
    (dataset.annotations / "x.json").write_text(json.dumps(content))
    told = convert.convert(dataset.annotations / "x.json", tmp_path / "out", "coco", [str(dataset.images)])
    (found,) = read(dataset.images, tmp_path / "out").values()
    assert [box.flags for box in found] == list(names)
    assert "cannot say" not in told
    told = convert.convert(dataset.annotations / "x.json", tmp_path / "voc", "voc", [str(dataset.images)])
    assert "  the flag `group_of` of 1 box" in told.splitlines()
    assert "`occluded`" not in told
    (found,) = read(dataset.images, tmp_path / "voc").values()
    assert [box.flags for box in found] == ["", "", "", "occluded", "", ""]


def test_what_the_checks_refuse_is_told(dataset, tmp_path):
    """Boxes beside a broken one stay; an image with nothing else is not made one without objects."""
    nowhere = Box("cat", 8, 6, float("nan"), 30)
    dataset.sample("a.jpg", Box("cat", 8, 6, 40, 30), nowhere)
    dataset.sample("b.jpg", Box("cat", 8, 6, 40, 30), Box("cat", 40, 30, 8, 6), Box("cat", 20, 20, 90, 90))
    dataset.sample("c.jpg", nowhere)
    told = convert.convert(dataset.annotations, tmp_path / "out", "yolo", [str(dataset.images)])
    assert "2 images with 4 boxes" in told
    for defect in ("box_not_a_number", "box_inverted", "box_outside", "image_emptied"):
        assert defect in told
    assert "         a.xml (box 2, cat), c.xml (box 1, cat): a coordinate is missing or not a finite number" in told
    assert " box_inverted     fixed: xmin > xmax or ymin > ymax (its corners are swapped)" in told
    assert told.partition("would treat these otherwise, unless `dataset.policies` says so:\n")[2].splitlines()[:4] == [
        "       1 box_inverted: box dropped",
        "       2 box_not_a_number: image left out",
        "       1 box_twice: box dropped",
        "2 images with 4 boxes are in " + f"{tmp_path / 'out'} as YOLO.",
    ]
    assert sorted(path.name for path in (tmp_path / "out/labels").iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("name", ["classes", "deep/Labels", "predefined_classes"])
def test_no_label_file_of_yolo_has_the_name_of_a_list_of_classes(name, dataset, tmp_path):
    dataset.sample(f"{name}.jpg")
    file = f"{name.rpartition('/')[2]}.txt"
    with pytest.raises(UserError, match=rf"take {file} for the names of the classes. Rename {name}.jpg"):
        convert.convert(dataset.annotations, tmp_path / "out", "yolo", [str(dataset.images)])
    assert not (tmp_path / "out").exists()


def test_advice_names_what_the_command_has(dataset, tmp_path):
    """Its options, and no key of a configuration, which there is not."""
    for number in range(2):
        dataset.image(f"{number}.jpg")
    table = "filename,width,height,class,xmin,ymin,xmax,ymax\n0.jpg,64,48,{},8,6,40,30\n"
    (dataset.annotations / "a.csv").write_text(table.format(""))

    def refusal(source, images=(), key="auto"):
        with pytest.raises(UserError) as refused:
            convert.convert(source, tmp_path / "out", "voc", images, key)
        assert "dataset." not in str(refused.value) and "dataset`" not in str(refused.value)
        return str(refused.value)

    assert " class_missing " in (said := refusal(dataset.folder)) and "-> name the object\n" in said
    assert "Give the folders with the images, with --images." in refusal(dataset.annotations)
    assert "Correct the path or --format." in refusal(dataset.folder, key="coco")
    (dataset.annotations / "a.csv").write_text(table.format("cat"))
    (dataset.annotations / "0.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    said = refusal(dataset.folder)
    assert said.endswith("\nGive the files or the folder of one of them, or name it with --format.")
    for number in range(2):
        dataset.xml(f"{number}.jpg", Box("cat", 8, 6, 40, 30))
    told = convert.convert(dataset.folder, tmp_path / "out", "voc")
    assert "Those are not read: --format names the format to read.\n" in told and "dataset." not in told


def test_regions_to_ignore_are_told(dataset, tmp_path):
    dataset.sample("a.jpg", Box("cat", 8, 6, 40, 30), Box("", 1, 2, 30, 40))
    told = convert.convert(dataset.annotations, tmp_path / "out", "coco", [str(dataset.images)])
    assert told.endswith("\n  1 region to ignore, in which objects neither count nor are background")


def test_mistakes(dataset, tmp_path):
    dataset.sample("a.jpg")
    dataset.sample("a.png", data=factories.encode(factories.pixels(2), "PNG"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("")
    with pytest.raises(UserError, match=r"full exists and is no empty folder\. Name a new one"):
        convert.convert(dataset.annotations, tmp_path / "full", "voc", [str(dataset.images)])
    with pytest.raises(UserError, match="does not exist"):
        convert.convert(tmp_path / "nothing", tmp_path / "out", "voc")


def test_images_of_one_name(dataset, tmp_path):
    """They differ in the ending alone: a table can say which is which, YOLO cannot."""
    for name, box in (("a.jpg", Box("cat", 8, 6, 40, 30)), ("a.png", Box("dog", 1, 2, 30, 40))):
        data = factories.encode(factories.pixels(2), "PNG") if name.endswith("png") else None
        dataset.image(name, data)
        dataset.xml(f"{name}.x", box, filename=name)
    for to in ("csv", "coco", "voc"):
        convert.convert(dataset.annotations, tmp_path / to, to, [str(dataset.images)])
        found = read(dataset.images, tmp_path / to)
        assert [box.class_name for box in found["a.png"]] == ["dog"]
    with pytest.raises(UserError, match=r"differ in the ending alone.*: a.jpg and a.png"):
        convert.convert(dataset.annotations, tmp_path / "yolo", "yolo", [str(dataset.images)])
    assert not (tmp_path / "yolo").exists()


@pytest.mark.parametrize("to", ["voc", "coco", "csv"])
def test_images_of_one_name_in_records(dataset, tmp_path, to):
    """They become files in two folders, and the annotations tell which is which."""
    for folder, name in (("one", "cat"), ("two", "dog")):
        (dataset.annotations / folder).mkdir()
        sample = Sample("a.jpg", "", "", 64, 48, "jpeg", (), (Box(name, 8, 6, 40, 30),))
        with (dataset.annotations / folder / "x.record").open("wb") as file:
            tfrecord.write(file, example.to_example(sample, factories.photo(ord(name[0])), {"cat": 1, "dog": 2}))
    convert.convert(dataset.annotations, tmp_path / "out", to)
    found = read(tmp_path / "out", tmp_path / "out")
    assert [box.class_name for boxes in found.values() for box in boxes] == ["cat", "dog"]


def _samples():
    return sorted(one.name for one in SAMPLES.glob("[a-z]*") if (one / "data").is_dir()) if SAMPLES.is_dir() else []


@pytest.mark.parametrize("name", _samples() or ["none"])
def test_round_trip_of_every_sample(name, tmp_path):
    """By each target and back: the same boxes to a millionth of the image."""
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} is not here")
    data = SAMPLES / name / "data"
    first = read(data, data)
    sizes = {one.name: (one.width, one.height) for one in gate.check([str(data)], [str(data)]).samples}
    for to in convert.TARGETS:
        convert.convert(data, tmp_path / to, to)
        unpacked = tmp_path / to / convert.IMAGES
        again = read(unpacked if name.startswith("tfrecord") else data, tmp_path / to)
        expected = {image: boxes for image, boxes in first.items() if boxes or to != "csv"}
        assert again.keys() == expected.keys()
        for image, boxes in expected.items():
            flags = {"voc": FLAGS, "coco": (*FLAGS, "flags"), "yolo": (), "csv": FLAGS[:2]}[to]
            order = sorted(boxes, key=lambda box: box[:5])
            for one, other in zip(order, sorted(again[image], key=lambda box: box[:5]), strict=True):
                assert same(one, other, sizes[image], flags), (to, image)

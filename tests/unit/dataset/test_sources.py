"""Annotations of other formats than Pascal VOC, from their files to the plan: recognition, pairing, splits, audit."""

import json
import os
import time

import numpy as np
import pytest
from tests import factories
from tests.unit.dataset.test_defects import findings, make
from tests.unit.dataset.test_samples_of_formats import audited, planned

from boxwright import tfrecord
from boxwright.core import parts
from boxwright.core.errors import UserError
from boxwright.dataset import gate, manifest, sources
from boxwright.dataset.samples import Box, Sample
from boxwright.records import example, shards

# Of an image of 64 x 48.
CAT = {"category_id": 1, "bbox": [8, 6, 32, 24]}
SHARES = "0 0.375 0.375 0.5 0.5\n"
CORNERS = (8.0, 6.0, 40.0, 30.0)


def coco(path, images, categories=({"id": 1, "name": "cat"}, {"id": 2, "name": "dog"})):
    """A file of COCO's; images: by name, the annotations of each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [{"id": number, "file_name": name, "width": 64, "height": 48} for number, name in enumerate(images)]
    annotations = [{"image_id": number, **one} for number, of in enumerate(images.values()) for one in of]
    for number, one in enumerate(annotations):
        one.setdefault("id", number)
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": list(categories)}))
    return path


def yolo(dataset, count=6, prefix="y"):
    """Images with a text each and the names of classes."""
    for number in range(count):
        dataset.image(f"{prefix}{number}.jpg")
        (dataset.annotations / f"{prefix}{number}.txt").write_text(SHARES)
    (dataset.annotations / "classes.txt").write_text("cat\ndog\n")


def of_name(out):
    return {one.name: one for one in planned(out).values()}


def cases(out):
    return [(case.file, case.defect) for case in findings(out / "plan/checks.tsv")]


def test_boxes_that_are_stated_exactly_come_out_exactly(dataset, tmp_path):
    for number in range(4):
        dataset.image(f"{number}.jpg")
    boxes = [{"category_id": 2, "bbox": [1 / 3, 2.123456789, 30.1, 17.7], "iscrowd": 0}, CAT]
    coco(dataset.annotations / "all.json", {f"{number}.jpg": boxes for number in range(4)})
    make(dataset, tmp_path / "out")
    for one in of_name(tmp_path / "out").values():
        dog, cat = one.boxes
        assert dog.corners == pytest.approx((1 / 3, 2.123456789, 1 / 3 + 30.1, 19.823456789), abs=1e-9)
        assert (cat.class_name, cat.corners) == ("cat", CORNERS)


def test_one_edited_annotation_of_a_file_of_many_images_changes_one_shard(dataset, tmp_path):
    images = {f"{number:02d}.jpg": [CAT | {"bbox": [number / 4, 6, 32, 24]}] for number in range(40)}
    for name in images:
        dataset.image(name)
    path = coco(dataset.annotations / "all.json", images)
    before = make(dataset, tmp_path / "out", near_duplicates=False)[0]
    images["07.jpg"][0]["bbox"] = [8, 6, 32, 25]
    coco(path, images)
    after = make(dataset, tmp_path / "out", near_duplicates=False)[0]
    changed = {key for key in before.identities if before.identities[key] != after.identities[key]}
    assert len(changed) == 1 and changed.pop().startswith(("train-", "eval-"))


def test_unlabelled_is_not_empty(dataset, tmp_path):
    """What is named without an object is a negative; what is not named is left out, and that is said."""
    for name in ("a.jpg", "b.jpg", "c.jpg", "empty.jpg", "unknown.jpg"):
        dataset.image(name)
    coco(
        dataset.annotations / "x.json",
        {"a.jpg": [dict(CAT)], "b.jpg": [dict(CAT)], "c.jpg": [dict(CAT)], "empty.jpg": []},
    )
    make(dataset, tmp_path / "out")
    left = of_name(tmp_path / "out")
    assert left["empty.jpg"].boxes == () and "unknown.jpg" not in left
    assert cases(tmp_path / "out") == [("unknown.jpg", "image_without_annotation")]


def test_a_list_of_images_makes_those_without_rows_negatives(dataset, tmp_path):
    yolo(dataset, 4)
    for name in ("listed.jpg", "unlisted.jpg"):
        dataset.image(name)
    listed = [f"/somewhere/else/y{number}.jpg" for number in range(4)]
    (dataset.folder / "annotations/train.txt").write_text(
        "\n".join([*listed, "./images/listed.jpg", "images/gone.jpg"])
    )
    make(dataset, tmp_path / "out")
    left = of_name(tmp_path / "out")
    assert left["listed.jpg"].boxes == () and "unlisted.jpg" not in left
    assert left["y0.jpg"].boxes[0].corners == CORNERS
    assert cases(tmp_path / "out") == [
        ("train.txt (images/gone.jpg)", "annotation_without_image"),
        ("unlisted.jpg", "image_without_annotation"),
    ]


def test_several_formats_are_merged(dataset, tmp_path):
    """Each source speaks of its own images alone, even of one name."""
    other = factories.DataSet(tmp_path / "other")
    yolo(dataset, prefix="s")
    names = [f"s{number}.jpg" for number in range(4)]
    for number, name in enumerate(names):
        other.image(name, factories.photo(100 + number))
    coco(other.annotations / "all.json", {name: [dict(CAT, category_id=2)] for name in names})
    given = [
        {"images": [str(one.images)], "annotations": [str(one.annotations)], "format": key}
        for one, key in ((dataset, "auto"), (other, "coco"))
    ]
    make(dataset, tmp_path / "out", images=None, annotations=None, sources=given, near_duplicates=False)
    found = planned(tmp_path / "out")
    assert len(found) == 10
    for path, one in found.items():
        assert [box.class_name for box in one.boxes] == ["dog" if "/other/" in path else "cat"]
    assert {defect for _, defect in cases(tmp_path / "out")} == {"same_name"}
    assert audited(tmp_path / "out", found) == 10


def test_xml_goes_before_what_lies_beside_it(dataset, tmp_path, capsys):
    dataset.fill(5)
    (dataset.annotations / "train_labels.csv").write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\ns00.jpg,64,48,cat,1,2,30,40\n"
    )
    made = make(dataset, tmp_path / "out")[0]
    assert made.counts["found"]["annotations"] == 5
    said = capsys.readouterr().err
    assert "a table of boxes (CSV), 1 file such as train_labels.csv" in said and "`dataset.format`" in said
    (dataset.annotations / "train_labels.csv").unlink()
    assert make(dataset, tmp_path / "out")[0].identities == made.identities


def test_xml_beside_labels_of_the_same_images_goes_before_them(dataset, tmp_path, capsys):
    yolo(dataset)
    for number in range(6):
        dataset.xml(f"y{number}.jpg", Box("dog", 8, 6, 40, 30))
    make(dataset, tmp_path / "out")
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"dog"}
    assert "beside them YOLO" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["y0.jpg", "z.jpg"])
@pytest.mark.parametrize("key", ["yolo", "csv", "coco"])
def test_xml_of_few_images_beside_annotations_of_more_is_asked_about(dataset, tmp_path, key, name):
    dataset.sample(name)
    images = [f"y{number}.jpg" for number in range(6)]
    if key == "yolo":
        yolo(dataset)
        told = "YOLO has images that Pascal VOC has not, as y[01].txt tells"
    elif key == "csv":
        rows = [f"{image},64,48,cat,8,6,40,30" for image in images]
        (dataset.annotations / "x.csv").write_text(
            "\n".join(["filename,width,height,class,xmin,ymin,xmax,ymax", *rows, ""])
        )
        told = "a table of boxes .CSV. has images that Pascal VOC has not, as y[01].jpg tells"
    else:
        coco(dataset.annotations / "x.json", {f"some/{image}": [CAT] for image in images})
        told = "COCO has images that Pascal VOC has not, as y[01].jpg tells"
    with pytest.raises(UserError, match=f"can be read in 2 ways(.|\n)*{told}. Set `dataset.format` to one of them"):
        make(dataset, tmp_path / "out")


def test_xml_that_is_named_by_something_else_than_its_image_goes_before_a_table(dataset, tmp_path):
    for number in range(6):
        dataset.image(f"y{number}.jpg")
        dataset.xml(f"0000{number}.jpg", Box("dog", 8, 6, 40, 30), filename=f"y{number}.jpg")
    rows = [f"y{number}.jpg,64,48,cat,8,6,40,30" for number in range(6)]
    (dataset.annotations / "x.csv").write_text(
        "\n".join(["filename,width,height,class,xmin,ymin,xmax,ymax", *rows, ""])
    )
    make(dataset, tmp_path / "out")
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"dog"}


def test_names_of_a_file_of_json_are_compared_as_they_are_meant(dataset, tmp_path):
    names = ["y0.jpg", "caf\u00e9.jpg", "a b.jpg"]
    for name in names:
        dataset.sample(name, Box("dog", 8, 6, 40, 30))
    coco(dataset.annotations / "x.json", {f"some/{name.replace(' ', '%20')}": [CAT] for name in names})
    make(dataset, tmp_path / "out")
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"dog"}


@pytest.mark.parametrize(
    "more",
    [
        {"flickr_url": "http://farm9.staticflickr.com/8186/802433550_da2b3a1_z.jpg"},
        {"coco_url": "http://images.cocodataset.org/val2017/000000000139.jpg"},
        {"extra": {"name": "photo0.jpg"}},
        {"thumbnail": "small_0.jpg"},
    ],
)
def test_other_names_and_places_of_an_image_in_json_are_no_other_images(dataset, tmp_path, more):
    names = ["y0.jpg", "y1.jpg"]
    for name in names:
        dataset.sample(name, Box("dog", 8, 6, 40, 30))
    path = coco(dataset.annotations / "x.json", {name: [CAT] for name in names})
    content = json.loads(path.read_text())
    content["images"] = [{**one, **more} for one in content["images"]]
    path.write_text(json.dumps(content))
    make(dataset, tmp_path / "out")
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"dog"}


def test_names_in_a_long_line_without_an_end_are_searched_in_time():
    line = b"ab " * 20_000
    start = time.perf_counter()
    assert not sources._IMAGE.findall(line)
    assert time.perf_counter() - start < 5


def test_files_that_are_no_annotations_are_passed_over_unless_they_have_an_image_s_name(dataset, tmp_path):
    yolo(dataset)
    (dataset.annotations / "README.dataset.txt").write_text("made by hand\n")
    dataset.image("bad.jpg")
    (dataset.annotations / "bad.txt").write_text("0 0.5 0.5 0.25 0.25\n1 cat 0.5\n")
    made, *_ = make(dataset, tmp_path / "out")
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert (case.file, case.defect) == ("bad.txt", "annotation_malformed") and "line 2" in case.detail
    assert "1 file cannot be read" in made.summary and "; README.dataset.txt is no annotation" in made.summary
    assert "\nREADME.dataset.txt\t\t0\t0\t0\t0\tpassed over: line 1:" in (tmp_path / "out/plan/import.tsv").read_text()


def test_a_file_that_is_no_annotation_beside_one_of_its_name_is_passed_over(dataset, tmp_path):
    """Supervisely writes facts of the images beside the annotations."""
    said = {"size": {"width": 64, "height": 48}, "objects": []}
    corner = {"classTitle": "cat", "geometryType": "rectangle", "points": {"exterior": [[8, 6], [39, 29]]}}
    for number in range(4):
        dataset.image(f"{number}.jpg")
        for folder, content in (("ann", said | {"objects": [corner]}), ("img_info", {"name": f"{number}.jpg"})):
            path = dataset.annotations / folder / f"{number}.jpg.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content))
    (dataset.annotations / "ann/3.jpg.json").unlink()
    make(dataset, tmp_path / "out")
    assert cases(tmp_path / "out") == [("img_info/3.jpg.json", "annotation_malformed")]
    assert {name: len(one.boxes) for name, one in of_name(tmp_path / "out").items()} == dict.fromkeys(
        ("0.jpg", "1.jpg", "2.jpg"), 1
    )


def test_what_tells_the_format_may_be_at_the_end_of_a_file(dataset, tmp_path):
    shape = {"label": "cat", "points": [[8, 6], [40, 30]], "shape_type": "rectangle"}
    for number in range(4):
        dataset.image(f"{number}.jpg")
        content = {"imageData": "A" * 100_000, "imagePath": f"{number}.jpg", "shapes": [shape]}
        (dataset.annotations / f"{number}.json").write_text(json.dumps(content))
    make(dataset, tmp_path / "out")
    assert {one.boxes[0].corners for one in of_name(tmp_path / "out").values()} == {CORNERS}


def test_columns_that_are_not_known_are_named(dataset, tmp_path):
    dataset.image("a.jpg")
    (dataset.annotations / "x.csv").write_text("frame,xmin,ymin,xmax,ymax,class_id\na.jpg,8,6,40,30,1\n")
    with pytest.raises(UserError, match=r"x.csv: its first line has none .* but frame, xmin, .*; name them filename"):
        make(dataset, tmp_path / "out")


VIA_3 = {"project": {"pid": "1"}, "config": {}, "attribute": {}, "file": {}, "metadata": {}}
RESULTS = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.txt", "0 30 30 20 20\n", "line 1: its numbers are over 1, but they are shares of the image"),
        ("a.txt", "0 0.5 0.5 0.2\n", "line 1: a box has a class and four numbers, but there are 4 values"),
        ("a.txt", "cat 0.5 0.5 0.2 0.2\n", "line 1: a row begins with the number of a class, but this is 'cat'"),
        *[
            (
                "x.csv",
                f"{head}\na.jpg,8,6,40,30,cat,1,1\n",
                f"its first line has none of .* but {head.splitlines()[0].split(',')[0]}",
            )
            for head in (
                "filename,x,y,w,h,class",
                "filename,x_center,y_center,w,h,class",
                "image_id,width,height,bbox,source",
                "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
                "annotation_id,annotator,image,label",
                "b.jpg,64,48,cat,10,20,40,40",
                "cat,10,20,30,20,b.jpg,64,48",
                "# mine\nfilename,width,height,class,xmin,ymin,xmax,ymax",
            )
        ],
        ("x.json", json.dumps(VIA_3), "it is a project of VIA 3, which is not read; export it as COCO"),
        ("x.json", json.dumps(RESULTS), "it holds detections .COCO's results., not annotations"),
    ],
)
def test_why_a_file_that_nothing_recognises_cannot_be_read_is_told(dataset, tmp_path, name, text, why):
    dataset.image("a.jpg")
    (dataset.annotations / name).write_text(text)
    with pytest.raises(UserError, match=f"{name}: {why}") as raised:
        make(dataset, tmp_path / "out")
    assert "annotate it" not in str(raised.value)
    with pytest.raises(UserError, match=f"{name}: {why}") as raised:
        gate.check([str(dataset.images)], [str(dataset.annotations)])
    assert "annotate" not in str(raised.value)


def test_files_that_may_be_meant_are_named_and_nobody_is_told_to_annotate(dataset, tmp_path):
    dataset.image("a.jpg")
    (dataset.annotations / "x.json").write_text('{"info": {}, "categories": {"label": {}}, "items": []}')
    (dataset.annotations / "readme.txt").write_text("Pictures of cats.\n")
    said = (
        "Perhaps these are meant:\n  x.json: it is JSON, an object with the keys info, categories, items\nExport them"
    )
    with pytest.raises(UserError, match=said) as raised:
        make(dataset, tmp_path / "out")
    assert "annotate it" not in str(raised.value)
    with pytest.raises(UserError, match=said) as raised:
        gate.check([str(dataset.images)], [str(dataset.annotations)])
    assert "annotate" not in str(raised.value)


@pytest.mark.parametrize("name", ["labels/oidv7-class-descriptions-boxable.csv", "metadata/classes.csv"])
def test_the_names_of_open_images(dataset, tmp_path, name):
    rows = ["ImageID,LabelName,XMin,XMax,YMin,YMax"]
    for number in range(4):
        dataset.image(f"{number}.jpg")
        rows.append(f"{number},/m/01yrx,0.125,0.625,0.125,0.625")
    for path, text in (("labels/x.csv", "\n".join(rows)), (name, "/m/01yrx,Cat\n")):
        (dataset.annotations / path).parent.mkdir(exist_ok=True)
        (dataset.annotations / path).write_text(text)
    make(dataset, tmp_path / "out")
    assert {one.boxes[0].class_name for one in of_name(tmp_path / "out").values()} == {"Cat"}


def test_the_name_of_a_table_says_nothing_about_its_images(dataset, tmp_path):
    rows = ["filename,xmin,ymin,xmax,ymax,class"]
    for number in range(6):
        dataset.image(f"{number}.jpg")
        rows.append(f"{number}.jpg,8,6,40,30,cat")
    (dataset.annotations / "all.csv").write_text("\n".join(rows))
    (dataset.annotations / "0.csv").write_text("Index,Name,X,Y\n0,roi,8,6\n")  # of another program
    (dataset.annotations / "1.csv").write_text('filename,xmin,ymin,xmax,ymax,class\n1.jpg,8,6,40,30,"c' + "t" * 200_000)
    made, *_ = make(dataset, tmp_path / "out")
    assert made.counts["train"]["boxes"] + made.counts["eval"]["boxes"] == 6
    assert cases(tmp_path / "out") == [("1.csv", "annotation_malformed")]
    assert "; 0.csv is no annotation" in made.summary


def test_files_of_coco_for_other_tasks_are_not_read(dataset, tmp_path, capsys):
    """The folder of annotations as COCO gives it out."""
    for side, numbers in (("train", range(6)), ("val", range(6, 10))):
        for number in numbers:
            dataset.image(f"{number}.jpg")
        images = {f"{number}.jpg": [CAT] for number in numbers}
        both = [CAT, {**CAT, "category_id": 2, "bbox": [1, 1, 9, 9]}]
        coco(dataset.annotations / f"instances_{side}.json", dict.fromkeys(images, both))
        coco(dataset.annotations / f"person_keypoints_{side}.json", images)
        captions = {"images": [], "annotations": [{"image_id": 0, "id": 1, "caption": "a cat"}]}
        (dataset.annotations / f"captions_{side}.json").write_text(json.dumps(captions))
    made, *_ = make(dataset, tmp_path / "out")
    assert made.counts["train"]["boxes"] + made.counts["eval"]["boxes"] == 20 and not cases(tmp_path / "out")
    said = capsys.readouterr().err
    assert "about the images of instances_train.json for other tasks: " in said and "captions_train.json" in said
    for side in ("train", "val"):
        (dataset.annotations / f"instances_{side}.json").unlink()
    made, *_ = make(dataset, tmp_path / "keypoints")
    assert made.counts["train"]["boxes"] + made.counts["eval"]["boxes"] == 10 and not cases(tmp_path / "keypoints")


def test_classes_without_names_stop_the_run(dataset, tmp_path):
    yolo(dataset)
    (dataset.annotations / "classes.txt").unlink()
    with pytest.raises(
        UserError, match=r"class_number, class 0 has no name \(6 files\)(.|\n)*dataset\.classes\.rename"
    ):
        make(dataset, tmp_path / "out")
    for changes in ({"classes": {"rename": {"0": "cat"}}}, {"policies": {"class_number": "keep"}}):
        make(dataset, tmp_path / "out", **changes)
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"0"}


def test_what_is_no_single_object_becomes_an_ignore_region(dataset, tmp_path):
    names = [f"{number}.jpg" for number in range(5)]
    for name in names:
        dataset.image(name)
    images = {name: [dict(CAT)] for name in names}
    images["0.jpg"].append({"category_id": 2, "bbox": [40, 10, 20, 20], "iscrowd": "1"})
    images["1.jpg"].append({"category_id": 1, "bbox": None, "segmentation": [[0, 0, 9, 0, 9, 9]]})
    images["2.jpg"].append(
        {"category_id": 1, "segmentation": {"size": [48, 64], "counts": [48 * 50, 10, 48 * 13 + 38]}}
    )
    coco(dataset.annotations / "all.json", images)
    make(dataset, tmp_path / "out")
    left = of_name(tmp_path / "out")
    assert [box.class_name for box in left["0.jpg"].regions] == ["dog"] and len(left["0.jpg"].boxes) == 1
    assert left["1.jpg"].boxes[1].corners == (0, 0, 9, 9)
    assert left["2.jpg"].boxes[1].corners == (50, 0, 51, 10)
    found = {defect for _, defect in cases(tmp_path / "out")}
    assert found == {"box_ignored", "box_from_polygon", "box_from_mask"}
    assert audited(tmp_path / "out", planned(tmp_path / "out")) == 8


def test_objects_that_are_no_boxes_are_no_background(dataset, tmp_path):
    names = [f"{number}.jpg" for number in range(5)]
    for name in names:
        dataset.image(name)
    shape = '<image id="{0}" name="{0}.jpg" width="64" height="48">{1}</image>'
    box = '<box label="cat" occluded="0" xtl="8" ytl="6" xbr="40" ybr="30"/>'
    line = '<polyline label="cat" points="1,2;3,4"/>'
    shapes = [box, box, box, box + line, line]
    written = "".join(shape.format(number, of) for number, of in enumerate(shapes))
    (dataset.annotations / "annotations.xml").write_text(f"<annotations><version>1.1</version>{written}</annotations>")
    make(dataset, tmp_path / "out")
    left = of_name(tmp_path / "out")
    assert left.keys() == {f"{number}.jpg" for number in range(4)}
    assert sorted(defect for _, defect in cases(tmp_path / "out")) == ["image_emptied", *["object_not_a_box"] * 2]
    assert audited(tmp_path / "out", planned(tmp_path / "out")) == 6


def record(file, image, name="", **changes):
    """Append a record as the tutorials' script makes them."""
    sample = Sample(name, "", "", 64, 48, "jpeg", (), (Box("cat", *CORNERS),))
    data = example.to_example(sample, image, {"cat": 1})
    tfrecord.write(file, data)


@pytest.mark.parametrize("shard", ["train.record-00000-of-00001", "train-00000-of-00001"])
def test_records_are_a_source_with_their_images(dataset, tmp_path, shard):
    """They are checked and split, and written again with the same bytes of the images."""
    images = {f"r{number}.jpg": factories.photo(number) for number in range(5)}
    path = dataset.annotations / shard
    with path.open("wb") as file:
        for name, data in images.items():
            record(file, data, name)
        record(file, b"no image", "broken.jpg")
    made = make(dataset, tmp_path / "out", images=None, near_duplicates=False)[0]
    left = of_name(tmp_path / "out")
    assert left.keys() == images.keys()
    assert all(parts.read(one.image) == images[name] for name, one in left.items())
    assert np.allclose([one.boxes[0].corners for one in left.values()], CORNERS)
    assert cases(tmp_path / "out") == [("broken.jpg", "image_unreadable")]
    assert audited(tmp_path / "out", planned(tmp_path / "out")) == 6
    written = []
    for number, planned_shard in enumerate(sorted((tmp_path / "out/plan").glob("*.jsonl"))):
        shards.write_shard(planned_shard, made.classes, tmp_path / f"{number}.tfrecord")
        written += [example.from_example(one) for one in tfrecord.read(tmp_path / f"{number}.tfrecord")]
        assert len(list(manifest.read(planned_shard))) == sum(1 for _ in tfrecord.read(tmp_path / f"{number}.tfrecord"))
    assert {one.source_id: one.encoded for one in written} == images


def test_a_damaged_file_of_records_is_named_with_the_record(dataset, tmp_path):
    dataset.image("a.jpg")
    path = dataset.annotations / "train.record"
    with path.open("wb") as file:
        record(file, factories.photo(1), "a.jpg")
        place = file.tell()
        record(file, factories.photo(2), "b.jpg")
    data = bytearray(path.read_bytes())
    data[place + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"record 2, at byte {place}, is damaged"):
        make(dataset, tmp_path / "out", images=None)


def test_the_split_of_the_source(dataset, tmp_path, capsys):
    """By folders, by names of files, by what annotations state; images of the tutorials' test side evaluate."""
    split = {"eval_fraction": 0.2, "seed": 0, "source": True}
    for folder in ("train", "valid", "test"):
        for number in range(3):
            dataset.image(f"{folder}/{number}.jpg", factories.photo(ord(folder[1]) * 10 + number))
        coco(
            dataset.annotations / folder / "_annotations.coco.json",
            {f"{number}.jpg": [dict(CAT)] for number in range(3)},
        )
    made = make(dataset, tmp_path / "out", split=split, near_duplicates=False)[0]
    sides = {side: made.counts[side]["images"] for side in ("train", "eval", "test")}
    assert sides == {"train": 3, "eval": 3, "test": 3}
    assert {
        one.name.partition("/")[0]
        for path in (tmp_path / "out/plan").glob("eval*.jsonl")
        for one in manifest.read(path)
    } == {"valid"}
    assert "The split is the source's: 3 train, 3 eval, 3 test." in capsys.readouterr().err


def test_the_split_of_the_tutorials_tables(dataset, tmp_path, capsys):
    split = {"eval_fraction": 0.2, "seed": 0, "source": True}
    for number in range(4):
        dataset.image(f"{number}.jpg")
        table = dataset.annotations / ("test_labels.csv" if number == 3 else "train_labels.csv")
        if not table.exists():
            table.write_text("filename,width,height,class,xmin,ymin,xmax,ymax\n")
        table.write_text(table.read_text() + f"{number}.jpg,64,48,cat,8,6,40,30\n")
    made = make(dataset, tmp_path / "out", split=split)[0]
    assert (made.counts["train"]["images"], made.counts["eval"]["images"]) == (3, 1) and "test" not in made.counts
    assert "Its test images evaluate" in capsys.readouterr().err
    (dataset.annotations / "test_labels.csv").rename(dataset.annotations / "more_labels.csv")
    with pytest.raises(UserError, match="does not state both sides"):
        make(dataset, tmp_path / "out", split=split)


def test_the_same_bytes_on_two_sides_of_a_source_stop_the_run(dataset, tmp_path):
    for folder, count in (("train", 3), ("val", 2)):
        for number in range(count):
            dataset.image(f"{folder}/{folder}{number}.jpg", factories.photo(number))
            label = dataset.annotations / folder / f"{folder}{number}.txt"
            label.parent.mkdir(exist_ok=True)
            label.write_text(SHARES)
    (dataset.annotations / "classes.txt").write_text("cat\n")
    with pytest.raises(UserError, match="duplicate_across_split"):
        make(dataset, tmp_path / "out", split={"eval_fraction": 0.2, "seed": 0, "source": True}, near_duplicates=False)


def given(tmp_path, sides, label_map="item { id: 1 name: 'cat' }"):
    """Files of records by side, and a label map beside them."""
    found = {}
    for side, images in sides.items():
        found[side] = [str(tmp_path / f"{side}.record")]
        with (tmp_path / f"{side}.record").open("wb") as file:
            for name, data in images.items():
                record(file, data, name)
    (tmp_path / "label_map.pbtxt").write_text(label_map)
    return found


def as_they_are(dataset, tmp_path, records, **changes):
    changes = {"shards": {"train": 1, "eval": 1, "test": 1}, **changes}
    return make(dataset, tmp_path / "out", images=None, annotations=None, records=records, **changes)[0]


def test_records_as_they_are_are_copied_byte_for_byte(dataset, tmp_path):
    sides = {"train": range(3), "eval": range(3, 5)}
    records = given(tmp_path, {side: {f"{n}.jpg": factories.photo(n) for n in of} for side, of in sides.items()})
    made = as_they_are(dataset, tmp_path, records)
    assert made.classes == {"cat": 1}
    assert [made.counts[side]["images"] for side in sides] == [3, 2]
    assert [made.counts[side]["boxes"] for side in sides] == [3, 2]
    assert audited(tmp_path / "out", planned(tmp_path / "out")) == 5
    for side, (path,) in records.items():
        of = tmp_path / f"out/plan/{side}-00000-of-00001.given"
        shards.copy_given(of, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == (tmp_path / f"{side}.record").read_bytes()
        names = [one.name for one in manifest.read(of.with_suffix(".jsonl"))]
        assert names == [example.from_example(one).source_id for one in tfrecord.read(path)]
    assert as_they_are(dataset, tmp_path, records).identities == made.identities
    given(tmp_path, {"train": {"9.jpg": factories.photo(9)}})
    after = as_they_are(dataset, tmp_path, records)
    changed = {key for key in after.identities if after.identities[key] != made.identities[key]}
    assert changed == {"import", "split", "train-00000-of-00001"}
    with pytest.raises(UserError, match="has changed since"):
        (tmp_path / "train.record").write_bytes(b"")
        shards.copy_given(tmp_path / "out/plan/train-00000-of-00001.given", tmp_path / "copy")


def test_records_that_cannot_be_used_as_they_are_say_why(dataset, tmp_path):
    images = {"a.jpg": factories.photo(1), "b.jpg": factories.photo(2, orientation=6), "c.jpg": b"no image"}
    records = given(tmp_path, {"train": images, "eval": {"d.jpg": factories.photo(4)}}, "item { id: 2 name: 'cat' }")
    with pytest.raises(UserError) as error:
        as_they_are(dataset, tmp_path, records)
    told = str(error.value)
    for wanted in (
        "train.record, record 1: class number 1 is not in",
        "train.record, record 2: exif_rotation" if "record 2: exif_rotation" in told else "exif_rotation",
        "image_unreadable",
        "`dataset.annotations` instead",
    ):
        assert wanted in told


def test_the_same_image_on_two_sides_of_records_is_named(dataset, tmp_path):
    records = given(tmp_path, {side: {f"{side}.jpg": factories.photo(1)} for side in ("train", "eval")})
    as_they_are(dataset, tmp_path, records)
    assert cases(tmp_path / "out") == [("eval.jpg", "duplicate_across_split")]


@pytest.mark.parametrize("key", ["yolo", "coco"])
def test_many_images_without_objects_are_odd(dataset, tmp_path, key):
    """CVAT writes them in place of polygons and turned boxes, and where nobody has annotated them yet."""
    yolo(dataset, 12)

    def write(empty):
        images = {f"y{number}.jpg": [] if number < empty else [dict(CAT)] for number in range(12)}
        if key == "coco":
            coco(dataset.annotations / "all.json", images)
        for number in range(empty):
            (dataset.annotations / f"y{number}.txt").write_text("")

    write(0)
    make(dataset, tmp_path / "out", near_duplicates=False, format=key)
    assert cases(tmp_path / "out") == []
    write(5)
    make(dataset, tmp_path / "out", near_duplicates=False, format=key)
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert case.defect == "annotation_odd" and "5 of 12 images are stated without an object" in case.detail


def test_data_yaml_stands_for_its_folder(dataset, tmp_path):
    for number in range(4):
        dataset.image(f"{number}.jpg")
        label = dataset.folder / f"labels/{number}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text(SHARES if number else "")
    (dataset.folder / "data.yaml").write_text("train: images\nval: images\nnames: [cat]\n")
    make(dataset, tmp_path / "out", images=None, annotations=str(dataset.folder / "data.yaml"))
    assert {one.name: len(one.boxes) for one in planned(tmp_path / "out").values()} == {
        f"images/{number}.jpg": min(number, 1) for number in range(4)
    }


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("http://server/data/a%20b%2520c.jpg?token=1", "a b c.jpg"),
        ("..\\..\\media\\upload\\4\\a b c.jpg", "a b c.jpg"),
        ("/home/me/100%.jpg", "100%.jpg"),
        ("data/obj_valid_data/x.jpg", "obj_valid_data/x.jpg"),
        ("other/train/obj_train_data/x.jpg", "obj_train_data/x.jpg"),
    ],
)
def test_a_name_from_another_place(dataset, tmp_path, stated, name):
    for number, one in enumerate(("a b c.jpg", "100%.jpg", "obj_train_data/x.jpg", "obj_valid_data/x.jpg", "0.jpg")):
        dataset.image(one, factories.photo(number))
    coco(dataset.annotations / "all.json", {stated: [dict(CAT)], "0.jpg": [dict(CAT)]})
    make(dataset, tmp_path / "out")
    assert of_name(tmp_path / "out").keys() == {name, "0.jpg"}


def test_pointers_of_git_lfs_in_place_of_annotations(dataset, tmp_path):
    dataset.image("a.jpg")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (dataset.annotations / "train.record").write_text(pointer)
    with pytest.raises(UserError, match=r"train.record in .* is a pointer of Git LFS(.|\n)*git lfs pull"):
        make(dataset, tmp_path / "out")


def test_a_format_that_no_file_can_be_in(dataset, tmp_path):
    dataset.fill(3)
    words = (
        r"has no file whose name ends as those of COCO \(`coco`\) do: \.json\. There are those of Pascal VOC, 3 files"
    )
    with pytest.raises(UserError, match=words):
        make(dataset, tmp_path / "out", format="coco")


def test_names_in_a_broken_yaml_are_found(dataset, tmp_path):
    yolo(dataset)
    (dataset.annotations / "classes.txt").unlink()
    (dataset.annotations / "data.yaml").write_text("train: ../train\nnames:\n- cat\n- dog\n\nnc: 2\ntest = test: x\n")
    make(dataset, tmp_path / "out")
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"cat"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("names:\n\t- cat\nnc: 1\n", r"data.yaml cannot be read: line 2: found character '\\t' that cannot start"),
        ("names: ['cat' 'dog']\n", "data.yaml cannot be read: line 1: expected ',' or ']'"),
        ("nc: 1\nnames: cat\n", "`names` in data.yaml is neither a list nor numbers with names"),
        ("names:\n", "`names` in data.yaml is neither a list nor numbers with names"),
    ],
)
def test_why_a_file_gives_no_names_is_told(dataset, tmp_path, text, why):
    yolo(dataset)
    (dataset.annotations / "classes.txt").unlink()
    (dataset.annotations / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=f"class 0 has no name, since {why}.* [(]6 files[)]"):
        make(dataset, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "path: C:\\data\ntrain: ../images/a\nval: [images/b]\ntest: images/c\nnames: [cat, dog]\n"),
        ("data.yaml", "train: lists/1.txt\nval: ./lists/2.txt\nnames: [cat, dog]\n"),
        ("obj.data", "classes= 2\ntrain = data/lists/1.txt\nvalid=data/lists/2.txt\nnames = data/obj.names\n"),
    ],
)
def test_the_split_of_data_yaml(dataset, tmp_path, name, text):
    """Folders and lists whose own names tell no side."""
    listed = {"1": [], "2": []}
    for number in range(6):
        place = "aaabbc"[number]
        dataset.image(f"{place}/{number}.jpg")
        label = dataset.folder / f"labels/{place}/{number}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(SHARES)
        listed["1" if number < 4 else "2"].append(f"./images/{place}/{number}.jpg")
    (dataset.folder / name).write_text(text)
    if "lists" in text:
        (dataset.folder / "lists").mkdir()
        for one, names in listed.items():
            (dataset.folder / f"lists/{one}.txt").write_text("\n".join(names))
    if name == "obj.data":
        (dataset.folder / "obj.names").write_text("cat\ndog\n")
    split = {"eval_fraction": 0.2, "seed": 0, "source": True}
    given = {"images": None, "annotations": str(dataset.folder), "split": split, "near_duplicates": False}
    made = make(dataset, tmp_path / "out", **given)[0]
    sides = {side: made.counts[side]["images"] for side in ("train", "eval", "test") if side in made.counts}
    assert sides == ({"train": 4, "eval": 2} if "lists" in text else {"train": 3, "eval": 2, "test": 1})


def test_a_file_of_records_needs_no_images(dataset, tmp_path):
    """Images beside it are not of the data set."""
    path = dataset.images / "train.record"
    with path.open("wb") as file:
        for number in range(4):
            record(file, factories.photo(number), f"{number}.jpg")
    dataset.image("other.jpg")
    make(dataset, tmp_path / "out", images=None, annotations=str(path))
    assert of_name(tmp_path / "out").keys() == {f"{number}.jpg" for number in range(4)}
    assert cases(tmp_path / "out") == []


def test_odd_spaces_in_names_of_classes_are_told(dataset, tmp_path):
    for number in range(4):
        dataset.image(f"{number}.jpg")
    path = dataset.annotations / "all.json"
    coco(path, {f"{number}.jpg": [dict(CAT)] for number in range(4)}, ({"id": 1, "name": " cat "},))
    made = make(dataset, tmp_path / "out")[0]
    assert made.classes == {"cat": 1}
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert case.defect == "class_spelling" and "(4 boxes)" in case.detail
    path.unlink()
    yolo(dataset, 4, prefix="")
    (dataset.annotations / "classes.txt").write_text("cat \r\ndog\r\n")
    assert make(dataset, tmp_path / "out")[0].classes == {"cat": 1}
    assert cases(tmp_path / "out") == [("0.txt", "class_spelling")]


def test_a_table_of_one_side_is_about_the_images_of_that_side(dataset, tmp_path):
    """In the tutorials images of both sides may have the same names."""
    for number, side in enumerate(("train", "test")):
        rows = [f"{n}.jpg,64,48,{'cat' if number else 'dog'},8,6,40,30" for n in range(3)]
        head = "filename,width,height,class,xmin,ymin,xmax,ymax"
        (dataset.annotations / f"{side}_labels.csv").write_text("\n".join([head, *rows]))
        for n in range(3):
            dataset.image(f"{side}/{n}.jpg", factories.photo(10 * number + n))
    make(dataset, tmp_path / "out", near_duplicates=False)
    found = of_name(tmp_path / "out")
    assert {name: one.boxes[0].class_name for name, one in found.items()} == {
        f"{side}/{n}.jpg": label for side, label in (("train", "dog"), ("test", "cat")) for n in range(3)
    }


@pytest.mark.parametrize("names", ["annotations", "."])
@pytest.mark.parametrize("start", [".", "images", "images/deeper"])
def test_names_of_classes_are_found_from_any_folder(dataset, tmp_path, monkeypatch, start, names):
    """The folders are given by a relative path that may go up."""
    yolo(dataset, 6)
    (dataset.annotations / "classes.txt").rename(dataset.folder / names / "classes.txt")
    here = dataset.folder / start
    here.mkdir(exist_ok=True)
    monkeypatch.chdir(here)
    up = os.path.relpath(dataset.folder)
    folders = {"images": [f"{up}/images"], "annotations": [f"{up}/annotations"]}
    made = make(dataset, tmp_path / "out", near_duplicates=False, **folders)[0]
    assert made.classes == {"cat": 1}


def test_lists_of_names_that_number_classes_differently(dataset, tmp_path):
    """labelImg numbers the classes of each folder in the order of their use."""
    for side, names in (("a", "cat\ndog\n"), ("b", "dog\ncat\n")):
        (dataset.annotations / side).mkdir()
        (dataset.annotations / side / "classes.txt").write_text(names)
        for number in range(3):
            dataset.image(f"{side}{number}.jpg")
            (dataset.annotations / side / f"{side}{number}.txt").write_text(SHARES)
    make(dataset, tmp_path / "out", near_duplicates=False)
    found = {name: [box.class_name for box in one.boxes] for name, one in of_name(tmp_path / "out").items()}
    assert found == {
        f"{side}{number}.jpg": [name] for side, name in (("a", "cat"), ("b", "dog")) for number in range(3)
    }
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert case.defect == "annotation_odd" and "class 0 is dog by the list of names beside it and cat by" in case.detail


def test_the_nearest_list_of_names_counts_and_a_contradiction_is_told(dataset, tmp_path, monkeypatch):
    """`data.yaml` of another data set, above that of labelImg."""
    monkeypatch.chdir(dataset.folder)
    yolo(dataset)
    (dataset.folder / "data.yaml").write_text("names: [horse, cow]\n")
    made, *_ = make(dataset, tmp_path / "out", near_duplicates=False)
    assert {box.class_name for one in planned(tmp_path / "out").values() for box in one.boxes} == {"cat"}
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert (case.file, case.defect) == ("y0.txt", "annotation_odd")
    told = "class 0 is cat in classes.txt, which counts, and horse in ../data.yaml; if ../data.yaml is right, correct "
    assert case.detail == f"{told}classes.txt"
    assert "The names of the classes are those in annotations/classes.txt.\n" in made.summary
    assert (
        "Class 0 is cat in annotations/classes.txt, which counts, and horse in data.yaml. If data.yaml is right, "
        "correct annotations/classes.txt.\n"
    ) in made.summary


@pytest.mark.parametrize("name", ["data.yaml", "labels.txt"])
def test_a_list_of_names_outside_the_folder_of_annotations_is_named(dataset, tmp_path, monkeypatch, name):
    monkeypatch.chdir(dataset.folder)
    yolo(dataset)
    (dataset.annotations / "classes.txt").unlink()
    (dataset.folder / name).write_text("names: [a, b]\n" if name == "data.yaml" else "a\nb\n")
    made, *_ = make(dataset, tmp_path / "out", near_duplicates=False)
    assert made.classes == {"a": 1} and not cases(tmp_path / "out")
    assert f"The names of the classes are those in {name}, outside the folder of the annotations.\n" in made.summary


@pytest.mark.parametrize("name", ["classes", "labels"])
def test_a_list_of_names_that_has_rows_of_boxes_is_that_of_an_image(dataset, tmp_path, name):
    yolo(dataset)
    (dataset.annotations / "classes.txt").unlink()
    (dataset.annotations / "data.yaml").write_text("names: [cat, dog]\n")
    dataset.image(f"{name}.jpg")
    (dataset.annotations / f"{name}.txt").write_text(SHARES * 2)
    make(dataset, tmp_path / "out", near_duplicates=False)
    found = of_name(tmp_path / "out")
    assert len(found) == 7 and {box.class_name for one in found.values() for box in one.boxes} == {"cat"}
    assert found[f"{name}.jpg"].boxes[0].corners == CORNERS


def test_lists_that_say_the_same_are_no_contradiction(dataset, tmp_path):
    yolo(dataset)
    (dataset.folder / "data.yaml").write_text("names: [cat, dog, cow]\n")
    (dataset.annotations / "predefined_classes.txt").write_text("cat\n")
    made, *_ = make(dataset, tmp_path / "out", near_duplicates=False)
    assert made.classes == {"cat": 1} and not cases(tmp_path / "out")

"""Annotations of other tools, from the files of a data set to its plan: what is found is named, and what is done."""

import csv
import io
import json
from pathlib import Path

import pytest
from tests import factories

from boxwright.dataset import manifest, plan


def box(name="cat"):
    value = {"x": 12.5, "y": 12.5, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": [name]}
    return {"type": "rectanglelabels", "original_width": 64, "original_height": 48, "value": value}


def task(image, *annotations):
    return {"id": image, "data": {"image": f"/data/upload/1/0a1b2c3d-{image}"}, "annotations": list(annotations)}


def annotation(*results, created="2024-01-01", **more):
    return {"result": list(results), "created_at": created} | more


def planned(dataset, out, **changes):
    """The boxes of each image (class, whole pixels), and the rows of checks.tsv."""
    plan.make(dataset.settings(near_duplicates=False, **changes), out)
    rows = csv.reader(io.StringIO((out / "plan/checks.tsv").read_text()), delimiter="\t", quoting=csv.QUOTE_NONE)
    samples = [one for path in (out / "plan").glob("*.jsonl") for one in manifest.read(path)]
    return {
        Path(one.image).relative_to(dataset.images).as_posix(): [
            (each.class_name, *map(round, each.corners)) for each in one.boxes
        ]
        for one in samples
    }, list(rows)[1:]


def test_label_studio(dataset, tmp_path):
    """The names on the server are not those of the images; one annotation was made again, one task is not done."""
    images = [f"{number}.jpg" for number in range(6)]
    for name in images:
        dataset.image(name)
    tasks = [task(name, annotation(box())) for name in images[:4]]
    tasks[0]["annotations"].append(annotation(box("dog"), box("dog"), created="2024-02-01"))
    tasks += [task(images[4], annotation()), task(images[5])]
    (dataset.annotations / "project-1.json").write_text(json.dumps(tasks))
    samples, rows = planned(dataset, tmp_path / "out")
    cat, dog = ("cat", 8, 6, 40, 30), ("dog", 8, 6, 40, 30)
    assert samples == {"0.jpg": [dog], **{name: [cat] for name in images[1:4]}, "4.jpg": []}
    found = {(row[2], row[3]): row for row in rows}
    assert found["object_superseded", "drop_box"][0] == "project-1.json (/data/upload/1/0a1b2c3d-0.jpg)"
    assert found["object_superseded", "drop_box"][4].startswith("task 1: an annotation that is older")
    assert found["image_unlabelled", "drop_image"][0] == "project-1.json (/data/upload/1/0a1b2c3d-5.jpg)"
    assert found["image_without_annotation", "drop_image"][0] == "5.jpg"
    assert found["box_twice", "drop_box"][0] == "0.jpg"


def test_a_flag_that_no_record_has_changes_nothing(dataset, tmp_path):
    """An occluded object is learned like any other, so marking it makes no shard anew."""
    dataset.fill(6)
    made = plan.make(dataset.settings(near_duplicates=False), tmp_path / "out")
    path = dataset.annotations / "s01.xml"
    path.write_text(path.read_text().replace("</difficult>", "</difficult><occluded>1</occluded>"))
    again = plan.make(dataset.settings(near_duplicates=False), tmp_path / "out")
    assert again.identities == made.identities


def test_via_says_which_attribute_is_the_class(dataset, tmp_path):
    shape = {"name": "rect", "x": 8, "y": 6, "width": 32, "height": 24}
    regions = [{"shape_attributes": shape, "region_attributes": {"colour": "red", "label": "cat"}}]
    images = {}
    for number in range(5):
        dataset.image(f"{number}.jpg")
        images[f"{number}.jpg9"] = {"filename": f"{number}.jpg", "size": 9, "regions": regions}
    (dataset.annotations / "via.json").write_text(json.dumps(images))
    samples, rows = planned(dataset, tmp_path / "out")
    assert samples == {f"{number}.jpg": [("cat", 8, 6, 40, 30)] for number in range(5)}
    ((file, _, defect, action, detail),) = rows
    assert (file, defect, action) == ("via.json", "class_attribute", "keep")
    assert "`label` is the class, not colour" in detail


def test_sequences_of_mot_have_images_of_the_same_names(dataset, tmp_path):
    """Each gt.txt is about the images of its own sequence; its classes come from the file beside it."""
    root = dataset.images
    for number, sequence in enumerate(("one", "two")):
        for frame in range(1, 4):
            data = factories.photo(10 * number + frame)
            dataset.image(f"{sequence}/img1/{frame:06d}.jpg", data)
        gt = root / sequence / "gt"
        gt.mkdir()
        (gt / "labels.txt").write_text("cat\ndog\n")
        (gt / "gt.txt").write_text(f"1,1,9,7,32,24,1,{number + 1},1\n2,2,9,7,32,24,0,1,1\n2,1,9,7,32,24,1,1,1\n")
        (root / sequence / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\nseqLength=3\nimExt=.jpg\n")
    samples, rows = planned(dataset, tmp_path / "out", annotations=[str(root)])
    assert samples == {
        "one/img1/000001.jpg": [("cat", 8, 6, 40, 30)],
        "two/img1/000001.jpg": [("dog", 8, 6, 40, 30)],
        **{f"{sequence}/img1/000002.jpg": [("cat", 8, 6, 40, 30)] for sequence in ("one", "two")},
        **{f"{sequence}/img1/000003.jpg": [] for sequence in ("one", "two")},
    }
    assert {row[2] for row in rows} == {"box_ignored", "same_name"}


def test_a_class_without_a_name_stops_the_run_and_can_be_renamed(dataset, tmp_path):
    lines = []
    for number in range(5):
        dataset.image(f"{number}.jpg")
        lines.append(f"{number}.jpg 8,6,40,30,0")
    (dataset.annotations / "train.txt").write_text("\n".join(lines))
    with pytest.raises(Exception, match="class_number"):
        planned(dataset, tmp_path / "out")
    given = {"rename": {"0": "cat"}, "ignore": []}
    samples, _ = planned(dataset, tmp_path / "out", classes=given)
    assert samples["0.jpg"] == [("cat", 8, 6, 40, 30)]


LABELME = {"label": "cat", "points": [[8, 6], [40, 30]], "shape_type": "rectangle"}
SUPERVISELY = {"classTitle": "cat", "geometryType": "rectangle", "points": {"exterior": [[8, 6], [39, 29]]}}
ONE_IMAGE = {
    "labelme": ("a.json", json.dumps({"shapes": [LABELME], "imagePath": "a.jpg"})),
    "supervisely": ("a.jpg.json", json.dumps({"objects": [SUPERVISELY], "size": {"height": 48, "width": 64}})),
    "kitti": ("a.txt", "cat 0 0 -10 8 6 40 30 -1 -1 -1 -1000 -1000 -1000 -10"),
    "dota": ("a.txt", "8 6 40 6 40 30 8 30 cat 0"),
    "visdrone": ("a.txt", "8,6,32,24,1,4,0,0"),
}


@pytest.mark.parametrize("key", ONE_IMAGE)
def test_a_file_without_its_image_and_a_broken_one_are_named(key, dataset, tmp_path):
    """One of six good files has no image, and one is damaged."""
    name, text = ONE_IMAGE[key]
    for letter in "bcdefg":
        (dataset.annotations / name.replace("a.", f"{letter}.")).write_text(text.replace("a.jpg", f"{letter}.jpg"))
        if letter != "b":
            dataset.image(f"{letter}.jpg")
    broken = dataset.annotations / name.replace("a.", "c.")
    broken.write_text(f"x{text[:-9]}")
    samples, rows = planned(dataset, tmp_path / "out", format=key)
    assert samples.keys() == {f"{letter}.jpg" for letter in "defg"}
    named = {(row[2], row[0]) for row in rows if row[2] != "image_without_annotation"}
    assert named == {
        ("annotation_without_image", name.replace("a.", "b.")),
        ("annotation_malformed", name.replace("a.", "c.")),
    }

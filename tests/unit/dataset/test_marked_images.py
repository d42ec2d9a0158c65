"""Images that are marked as a whole with a class, and have no box: LabelMe's are not annotated, others are told."""

import json

import pytest
from tests.unit.dataset.test_defects import findings, make
from tests.unit.dataset.test_samples_of_formats import planned

from boxwright.core.errors import UserError


def labelme(folder, images):
    for name, (drawn, marks) in images.items():
        shapes = [{"label": drawn, "points": [[8, 6], [40, 30]], "shape_type": "rectangle"}] if drawn else []
        said = {"imagePath": name, "imageWidth": 64, "imageHeight": 48, "imageData": None}
        flags = dict.fromkeys(marks, True) | {"unused": False}
        (folder / f"{name[:-4]}.json").write_text(json.dumps(said | {"shapes": shapes, "flags": flags}))


def cvat(folder, images):
    box = '<box label="{}" xtl="8" ytl="6" xbr="40" ybr="30"/>'
    said = "".join(
        f'<image id="{number}" name="{name}" width="64" height="48">'
        + (box.format(drawn) if drawn else "")
        + "".join(f'<tag label="{mark}"/>' for mark in marks)
        + "</image>"
        for number, (name, (drawn, marks)) in enumerate(images.items())
    )
    (folder / "all.xml").write_text(f"<annotations><version>1.1</version>{said}</annotations>")


def label_studio(folder, images):
    tasks = []
    for number, (name, (drawn, marks)) in enumerate(images.items()):
        place = {"x": 12.5, "y": 12.5, "width": 50, "height": 50, "rectanglelabels": [drawn]}
        size = {"original_width": 64, "original_height": 48}
        results = [{"type": "rectanglelabels", "value": place, **size}] if drawn else []
        results += [{"type": "choices", "from_name": "all", "value": {"choices": list(marks)}}] if marks else []
        tasks.append({"id": number, "data": {"image": f"/{name}"}, "annotations": [{"result": results}]})
    (folder / "all.json").write_text(json.dumps(tasks))


def darwin(folder, images):
    for name, (drawn, marks) in images.items():
        slot = {"width": 64, "height": 48, "slot_name": "0"}
        said = {"version": "2.0", "item": {"name": name, "path": "/", "slots": [slot]}}
        boxes = [{"name": drawn, "bounding_box": {"x": 8, "y": 6, "w": 32, "h": 24}}] if drawn else []
        said["annotations"] = [*boxes, *({"name": mark, "tag": {}} for mark in marks)]
        (folder / f"{name[:-4]}.json").write_text(json.dumps(said))


def supervisely(folder, images):
    for name, (drawn, marks) in images.items():
        points = {"exterior": [[8, 6], [39, 29]], "interior": []}
        boxes = [{"classTitle": drawn, "geometryType": "rectangle", "points": points, "tags": []}] if drawn else []
        said = {"size": {"width": 64, "height": 48}, "tags": [{"name": mark} for mark in marks], "objects": boxes}
        (folder / f"{name}.json").write_text(json.dumps(said))


WRITERS = (labelme, cvat, label_studio, darwin, supervisely)
IMAGES = {f"{number}.jpg": ("cat", ()) for number in range(6)} | {
    "also drawn.jpg": ("cat", ("cat",)),
    "marked.jpg": ("", ("cat", "blurry")),
    "blurry.jpg": ("", ("blurry",)),
    "empty.jpg": ("", ()),
}


@pytest.mark.parametrize("write", WRITERS)
def test_an_image_that_is_marked_with_a_class_and_has_no_box(dataset, tmp_path, write):
    for name in IMAGES:
        dataset.image(name)
    write(dataset.annotations, IMAGES)
    make(dataset, tmp_path / "out", near_duplicates=False)
    found = {one.name: len(one.boxes) for one in planned(tmp_path / "out").values()}
    left_out = {"marked.jpg"} if write is labelme else set()
    assert found == {name: int(bool(drawn)) for name, (drawn, _) in IMAGES.items() if name not in left_out}
    cases = {case.defect: case for case in findings(tmp_path / "out/plan/checks.tsv")}
    defect = "image_unlabelled" if left_out else "annotation_odd"
    assert cases.keys() == {defect} | ({"image_without_annotation"} if left_out else set())
    assert "marked" in cases[defect].file
    assert cases[defect].detail.startswith("as a whole it is marked as cat, and no box says where that is")
    make(dataset, tmp_path / "kept", near_duplicates=False, policies={"image_without_annotation": "keep"})
    assert len(planned(tmp_path / "kept")) == len(IMAGES)


@pytest.mark.parametrize("write", [labelme, darwin, supervisely])
def test_images_that_are_only_classified(dataset, tmp_path, write):
    images = {f"{number}.jpg": ("", (f"kind {number % 2}",)) for number in range(8)}
    for name in images:
        dataset.image(name)
    write(dataset.annotations, images)
    with pytest.raises(UserError, match="as a whole it is marked as kind 0, and no box says where") as error:
        make(dataset, tmp_path / "out", near_duplicates=False)
    said = "No sample is left of 8 images and 8 annotations" if write is labelme else "None of the 8 images has a box"
    assert said in str(error.value)
    assert "There is no annotation" not in str(error.value)

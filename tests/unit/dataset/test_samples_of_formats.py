"""Every format by its samples: the same six images, annotated in each, give the boxes that were written by hand."""

import json
from pathlib import Path

import pytest

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.dataset import manifest, plan

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "formats" / "samples"
# The key that each is recognised as.
KEYS = {
    "createml": "createml",
    "createml_old": "createml",
    "csv_automl": "automl_csv",
    "darwin": "darwin",
    "dlib_xml": "dlib",
    "dota": "dota",
    "groundtruth": "ground_truth",
    "kitti": "kitti",
    "label_studio": "label_studio",
    "label_studio_min": "label_studio",
    "labelme": "labelme",
    "mot": "mot",
    "supervisely": "supervisely",
    "ultralytics_ndjson": "ndjson",
    "via": "via",
    "via_csv": "via_csv",
    "via_json": "via",
    "visdrone": "visdrone",
    "vott_json": "vott",
    "yolo_keras_txt": "yolo_keras",
    "coco": "coco",
    "coco_odd": "coco",
    "coco_roboflow": "coco",
    "csv_openimages": "open_images",
    "csv_retinanet": "csv",
    "csv_roboflow": "csv",
    "csv_tutorial": "csv",
    "cvat_images": "cvat",
    "cvat_video": "cvat",
    "darknet": "yolo",
    "vott_csv": "csv",
    "voc_roboflow": "voc",
    "yolo_labelimg": "yolo",
    "yolo_obb": "yolo",
    "yolo_seg": "yolo",
    "yolo_v5": "yolo",
    "yolo_v8": "yolo",
}


def settings(folder: Path, **changes) -> dict:
    return {
        "images": [str(folder)],
        "annotations": [str(folder)],
        "split": {"eval_fraction": 0.3, "seed": 0},
        "shards": {"train": 1, "eval": 1, "test": 1},
        "policies": {},
        "near_duplicates": False,
        **changes,
    }


def planned(out: Path) -> dict:
    return {one.image: one for path in (out / "plan").glob("*.jsonl") for one in manifest.read(path)}


@pytest.mark.parametrize("name", KEYS)
def test_sample(name, tmp_path, capsys):
    folder = SAMPLES / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    expected = json.loads((folder / "expected.json").read_text())
    plan.make(settings(folder / "data"), tmp_path / "out")
    if KEYS[name] != formats.VOC.key:
        assert f"(`{KEYS[name]}`)" in capsys.readouterr().err
    found = planned(tmp_path / "out")
    wanted = {str(folder / "data" / one["file"]): one for one in expected["images"]}
    if expected["image_without_objects"] == "not mentioned":
        wanted = {path: one for path, one in wanted.items() if one["objects"]}
    assert found.keys() == wanted.keys()
    for path, one in wanted.items():
        regions = [box for box in found[path].regions if box.class_name]  # those without a class are no objects
        have = sorted((box.class_name, *box.corners) for box in (*found[path].boxes, *regions))
        want = sorted((each["class"], *each["box"]) for each in one["objects"])
        assert [row[0] for row in have] == [row[0] for row in want], path
        for got, stated in zip(have, want, strict=True):
            assert got[1:] == pytest.approx(stated[1:], abs=expected["tolerance_px"]), path
        assert (found[path].width, found[path].height) == (one["width"], one["height"])


def test_two_formats_of_one_set_are_never_added_up(tmp_path):
    """The sample of COCO with that of YOLO beside it: the user has to say which."""
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} is not here")
    places = [str(SAMPLES / name / "data") for name in ("coco", "yolo_labelimg")]
    given = settings(SAMPLES / "coco/data", annotations=places)
    with pytest.raises(UserError, match=r"can be read in 2 ways(.|\n)*`coco`(.|\n)*`yolo`"):
        plan.make(given, tmp_path / "out")
    plan.make({**given, "format": "coco"}, tmp_path / "out")

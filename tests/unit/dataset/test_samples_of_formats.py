"""Every format by its samples: the same six images, annotated in each, give the boxes that were written by hand."""

import json
import random
import re
import shutil
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
    "tfrecord_cvat": "tfrecord",
    "tfrecord_generate": "tfrecord",
    "tfrecord_pascal": "tfrecord",
    "tfrecord_roboflow": "tfrecord",
    "tfrecord_vott": "tfrecord",
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


def audited(out: Path, found: dict) -> int:
    """The sums of the import audit agree with each other and with the records; returns the number of objects."""
    head, *rows = [line.split("\t") for line in (out / "plan/import.tsv").read_text().splitlines()]
    rows = [dict(zip(head, row, strict=True)) for row in rows]
    for row in rows:
        numbers = [int(row[key]) for key in ("stated", "records", "ignored", "left_out")]
        assert numbers[0] == sum(numbers[1:]) and min(numbers) >= 0, row
        assert row["reasons"] or numbers[0] == numbers[1], row
    whole = [row for row in rows if row["annotation"] == "*"]
    for key, count in (("ignored", "regions"), ("records", "boxes")):
        assert sum(int(row[key]) for row in whole) == sum(len(getattr(one, count)) for one in found.values())
    for key in ("ignored", "left_out"):
        of_statements = sum(int(row[key]) for row in rows if row["annotation"] != "*")
        assert of_statements == sum(int(row[key]) for row in whole)
    return sum(int(row["stated"]) for row in whole)


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
    audited(tmp_path / "out", found)
    if KEYS[name] == "tfrecord":  # the images lie in the records
        found = {str(folder / "data" / one.name): one for one in found.values()}
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


def mutant(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to three places changed: cut out, repeated, exchanged, or a number replaced."""
    for _ in range(rng.randint(1, 3)):
        at, size = rng.randrange(len(data) + 1), rng.randint(1, 30)
        kind = rng.randrange(4)
        if kind == 0:
            data = data[:at] + data[at + size :]
        elif kind == 1:
            data = data[:at] + data[at : at + size] + data[at:]
        elif kind == 2:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif found := list(re.finditer(rb"\d+(\.\d+)?", data)):
            one = rng.choice(found)
            data = data[: one.start()] + rng.choice([b"-3", b"0", b"7", b"1e9", b"nan", b"999"]) + data[one.end() :]
    return data


@pytest.mark.parametrize("count", [2, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", KEYS)
def test_the_sums_of_the_audit_agree_whatever_is_wrong(name, count, tmp_path):
    """A damaged file is refused, or all its objects are accounted for."""
    folder = SAMPLES / name / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    rng = random.Random(name)
    images = {".jpg", ".png"}
    for number in range(count):
        data, out = tmp_path / f"{number}/data", tmp_path / f"{number}/out"
        shutil.copytree(folder, data, copy_function=shutil.copyfile)
        given = [path for path in sorted(data.rglob("*")) if path.is_file() and path.suffix not in images]
        path = rng.choice(given)
        path.write_bytes(mutant(path.read_bytes(), rng))
        policies = {"class_number": "keep", "image_without_annotation": "keep", "annotation_ambiguous": "drop_image"}
        try:
            plan.make(settings(data, format=KEYS[name], policies=policies), out)
        except UserError as error:
            assert str(error).strip()
        else:
            audited(out, planned(out))


def test_two_formats_of_one_set_are_never_added_up(tmp_path):
    """The sample of COCO with that of YOLO beside it: the user has to say which."""
    if not SAMPLES.is_dir():
        pytest.skip(f"{SAMPLES} is not here")
    places = [str(SAMPLES / name / "data") for name in ("coco", "yolo_labelimg")]
    given = settings(SAMPLES / "coco/data", annotations=places)
    with pytest.raises(UserError, match=r"can be read in 2 ways(.|\n)*`coco`(.|\n)*`yolo`"):
        plan.make(given, tmp_path / "out")
    plan.make({**given, "format": "coco"}, tmp_path / "out")

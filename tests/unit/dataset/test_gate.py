"""The gate for one look at any images: the same samples as in a plan, and clear words about what stops it."""

from pathlib import Path

import pytest
from tests import factories

from boxwright.core.errors import UserError
from boxwright.dataset import gate, manifest, plan
from boxwright.dataset.samples import Box, Sample, boxes_from_json

CAT = Box("cat", 8, 6, 40, 30)


@pytest.fixture
def data(tmp_path):
    return factories.DataSet(tmp_path / "data")


def check(data):
    return gate.check([str(data.images)], [str(data.annotations)])


def test_the_samples_are_those_of_a_plan(data, tmp_path):
    data.fill(6)
    data.sample("wide.png", CAT, Box("dog", -4, 6, 90, 30))  # beyond the image
    data.sample("turned.jpg", CAT, data=factories.photo(3, orientation=6))
    data.sample("broken.jpg", data=b"no image")
    data.sample("emptied.jpg", Box("cat", 8, 6, 8, 30))
    data.image("alone.jpg")
    passed = check(data)
    plan.make(data.settings(), tmp_path / "out")
    planned = [one for path in (tmp_path / "out/plan").glob("*.jsonl") for one in manifest.read(path)]
    of_gate = [Sample(*one[:7], boxes_from_json(one.boxes), boxes_from_json(one.regions)) for one in passed.samples]
    assert of_gate == sorted(planned)
    assert (passed.images, passed.annotations, len(of_gate)) == (11, 10, 8)
    told = passed.text()
    assert told.startswith("11 images, 10 annotations; 8 images are used.")
    for defect in ("box_outside", "exif_rotation", "image_unreadable", "image_emptied", "image_without_annotation"):
        assert defect in told


def test_nothing_is_written(data):
    data.fill(3)
    before = sorted(data.folder.rglob("*"))
    check(data)
    assert sorted(data.folder.rglob("*")) == before


def test_a_defect_that_stops_a_run_stops_here_without_advice_about_a_configuration(data):
    data.fill(3)
    data.sample("a.jpg", Box("background", 8, 6, 40, 30))
    with pytest.raises(UserError, match="class_background") as refused:
        check(data)
    assert "dataset.policies" not in str(refused.value)


def test_folders_that_are_missing_files_or_empty(data):
    with pytest.raises(UserError, match=r"There is no image in .*images: no file name ends in one of \.jpg"):
        check(data)
    image = data.image("a.jpg")
    with pytest.raises(
        UserError, match=r"There is no annotation in .*annotations: no file there is in a format that is read"
    ):
        check(data)
    with pytest.raises(UserError, match="nowhere does not exist"):
        gate.check([str(data.images), "nowhere"], [str(data.annotations)])
    with pytest.raises(UserError, match=r"a\.jpg is a file; give the folder"):
        gate.check([str(image)], [str(data.annotations)])
    packed = data.folder / "a.zip"
    packed.write_bytes(b"")
    with pytest.raises(UserError) as refused:
        gate.check([str(packed), "", "nowhere"], ["nowhere", "elsewhere"])
    assert str(refused.value).splitlines() == [
        f"{packed} is packed; unpack it and give the folder.",
        "The folder with the empty name does not exist.",
        "The folder nowhere does not exist.",
        "elsewhere does not exist.",
        f"Relative paths start at {Path.cwd()}.",
    ]


def test_where_nothing_is_left_it_says_why(data):
    data.sample("a.jpg", data=b"no image")
    with pytest.raises(UserError, match=r"No image is left of 1 image and 1 annotation") as refused:
        check(data)
    assert "image_unreadable" in str(refused.value)

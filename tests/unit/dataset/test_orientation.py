"""Turned images: where the size does not tell how the boxes are to be read, the other images of the data set do."""

import pytest
from tests import factories

from boxwright.dataset import manifest, plan
from boxwright.dataset.samples import Box

BOX = (10, 6, 30, 20)
AS_STORED = (34, 28, 54, 42)  # BOX of a 64x48 image that is upside down


def decided(dataset, reading, count, first=0):
    """Images of 64x48 that EXIF turns by 90 degrees; their stated size tells the reading."""
    size = (64, 48) if reading == "stored" else (48, 64)
    for index in range(first, first + count):
        data = factories.photo(100 + index, orientation=6)
        dataset.sample(f"p{index}.jpg", Box("cat", *BOX), data=data, size=size)


def read(dataset, tmp_path):
    """The corners of the upside down image q.jpg, and what is said about it."""
    dataset.fill(10)
    dataset.sample("q.jpg", Box("cat", *BOX), data=factories.photo(1, orientation=3))
    plan.make(dataset.settings(), tmp_path / "out")
    rows = [line.split("\t") for line in (tmp_path / "out/plan/checks.tsv").read_text().splitlines()]
    (said,) = [row[4] for row in rows if row[2] == "exif_ambiguous"]
    samples = [one for path in (tmp_path / "out/plan").glob("*.jsonl") for one in manifest.read(path)]
    return next(one.boxes[0].corners for one in samples if one.name == "q.jpg"), said


@pytest.mark.parametrize(
    ("stored", "upright", "corners", "says"),
    [
        (0, 0, BOX, "read as upright; no other image tells"),
        (5, 0, AS_STORED, "read as stored, like 5 of 5 images where it is clear"),
        (0, 5, BOX, "read as upright, like 5 of 5 images where it is clear"),
        (19, 1, AS_STORED, "read as stored, like 19 of 20 images"),
        (3, 3, BOX, "read as upright; of 6 images where it is clear 3 are as stored"),
    ],
)
def test_undecided_images_follow_the_decided_ones(dataset, tmp_path, stored, upright, corners, says):
    decided(dataset, "stored", stored)
    decided(dataset, "upright", upright, first=stored)
    found, said = read(dataset, tmp_path)
    assert found == corners and says in said

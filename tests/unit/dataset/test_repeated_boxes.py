"""Boxes that stay on one place through many consecutive images are told, and only those."""

import pytest
from tests.unit.dataset.test_defects import findings, make

from boxwright.dataset import repeated_boxes
from boxwright.dataset.samples import Box, PlannedSample, boxes_json


def frame(name, *boxes):
    return PlannedSample(name, name, "", 64, 48, "jpeg", (), tuple(box.class_name for box in boxes), boxes_json(boxes))


def moving(number):
    return Box("cat", number / 4, 2.0, number / 4 + 9.25, 30.0)


STILL = Box("dog, 'old'", 3.0, 4.0, 20.5, 30.0)


def frames(count, still, name="frame_{:06d}.jpg"):
    return [frame(name.format(n), moving(n), *([STILL] if n in still else [])) for n in range(count)]


def test_a_box_that_goes_on():
    ((name, detail),) = repeated_boxes.found(frames(60, range(11, 40)))
    assert name == "frame_000011.jpg"
    assert detail.startswith(
        "the box dog, 'old' [3, 4, 20.5, 30] is the same in 29 images in a row, up to frame_000039"
    )


def test_numbers_without_zeros_before_them_are_in_their_order():
    samples = frames(30, range(30), "a 2/{}_b.jpg")
    ((name, detail),) = repeated_boxes.found(sorted(samples))
    assert (name, "30 images in a row, up to a 2/29_b.jpg" in detail) == ("a 2/0_b.jpg", True)


def test_a_class_may_have_brackets_and_quotation_marks_in_its_name():
    odd = Box('a],["b],[c', 1.0, 2.0, 3.0, 4.0)
    samples = [frame(f"{n}.jpg", odd, moving(n)) for n in range(25)]
    ((name, detail),) = repeated_boxes.found(samples)
    assert name == "0.jpg" and detail.startswith('the box a],["b],[c [1, 2, 3, 4] is the same in 25 images in a row')


@pytest.mark.parametrize(
    "samples",
    [
        frames(60, range(19)),
        frames(60, set(range(60)) - {15, 30, 45}),
        frames(60, range(60))[::2],
        [frame(f"{chr(97 + n)}.jpg", STILL) for n in range(25)],
        [],
    ],
    ids=["few", "with gaps", "not consecutive", "no numbers", "nothing"],
)
def test_what_is_not_told(samples):
    assert list(repeated_boxes.found(samples)) == []


def test_it_is_in_the_checks_and_in_the_audit(dataset, tmp_path):
    for number in range(22):
        dataset.sample(f"frame_{number:06d}.jpg", Box("cat", 8, 6, 40, 30))
    make(dataset, tmp_path / "out", near_duplicates=False)
    (case,) = findings(tmp_path / "out/plan/checks.tsv")
    assert (case.file, case.defect, case.action) == ("frame_000000.jpg", "annotation_odd", "keep")
    assert f"noticed: {case.detail}" in (tmp_path / "out/plan/import.tsv").read_text()

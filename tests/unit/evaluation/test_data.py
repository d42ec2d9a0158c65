"""From records and a detector's answers to the arrays that every metric reads."""

from dataclasses import replace

import numpy as np
import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.evaluation.data import Answer, dataset_of, decimal, detections_of, pixel_boxes
from boxwright.records.example import from_example, to_example

LABEL_MAP = {"cat": 1, "dog": 2}


def record(name, *boxes, width=640, height=480, label_map=LABEL_MAP):
    sample = Sample(name, name, "0" * 64, width, height, "jpeg", (), tuple(boxes))
    return from_example(to_example(sample, b"not decoded here", label_map))


def test_a_data_set_from_records_gives_the_annotated_pixels_back():
    boxes = [Box("dog", 17, 33, 49, 65), Box("cat", 0, 0, 640, 480, difficult=True)]
    dataset = dataset_of([record("a/1.jpg", *boxes), record("a/2.jpg"), record("b/1.jpg", boxes[0])], LABEL_MAP)
    assert dataset.images.names == ("a/1.jpg", "a/2.jpg", "b/1.jpg")
    assert dataset.truth.image.tolist() == [0, 0, 2]
    assert dataset.truth.boxes.tolist() == [[33, 17, 65, 49], [0, 0, 480, 640], [33, 17, 65, 49]]
    assert dataset.truth.classes.tolist() == [2, 1, 2]
    assert dataset.truth.difficult.tolist() == [False, True, False]
    assert dataset.truth.areas.tolist() == [1024, 640 * 480, 1024], "32 x 32 is small, whatever float32 makes of it"
    assert dataset.boxes_per_class() == {1: 1, 2: 2}


def test_ignore_regions_are_crowds_and_those_of_any_class_are_crowds_of_each():
    boxes = (Box("dog", 17, 33, 49, 65),)
    regions = (Box("cat", 0, 0, 9, 9, difficult=True), Box("", 5, 6, 70, 80), Box("emu", 1, 1, 3, 3))
    sample = Sample("a.jpg", "a.jpg", "0" * 64, 640, 480, "jpeg", (), boxes, regions)
    one = from_example(to_example(sample, b"not decoded here", LABEL_MAP))
    dataset = dataset_of([record("b.jpg", *boxes), one, record("c.jpg", *boxes)], LABEL_MAP)
    truth = dataset.truth
    assert dataset.objects == 3
    assert truth.image.tolist() == [0, 1, 1, 1, 1, 1, 1, 2]
    assert truth.classes.tolist() == [2, 2, 1, 1, 2, 1, 2, 2]
    assert truth.crowd.tolist() == [False, False, True, True, True, True, True, False]
    assert truth.difficult.tolist() == [False, False, True, False, False, False, False, False]
    assert truth.boxes[3].tolist() == truth.boxes[4].tolist() == [6, 5, 80, 70]


@pytest.mark.parametrize("side", [97, 333, 1025, 4032, 8000])
def test_float32_coordinates_come_back_as_the_pixels_they_were(side):
    pixels = np.arange(side - 60, side)
    stored = (np.stack([pixels, pixels, pixels + 1, pixels + 1], axis=1) / side).astype(np.float32)
    assert (pixel_boxes(stored, side, side)[:, 0] == pixels).all()


def test_the_class_text_wins_over_the_number():
    other = record("a.jpg", Box("cat", 0, 0, 9, 9), label_map={"cat": 7})
    assert dataset_of([other], LABEL_MAP).truth.classes.tolist() == [1]


def test_a_class_that_the_label_map_lacks_is_an_error_with_its_image():
    stranger = record("far/away.jpg", Box("ferret", 0, 0, 9, 9), label_map={"ferret": 1})
    with pytest.raises(UserError, match=r"'ferret' \(first in far/away.jpg\).*cat, dog"):
        dataset_of([stranger], LABEL_MAP)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "no image"),
        ([record("a.jpg"), record("b.jpg")], "None of the 2 evaluation images has a box"),
        ([record("a.jpg")], "The only evaluation image has no box"),
        ([record("a.jpg", Box("cat", 0, 0, 9, 9)), record("a.jpg")], "a.jpg"),
        (
            [replace(record("a.jpg", Box("cat", 0, 0, 9, 9)), width=0)],
            "1 evaluation record has no size of the image.*a.jpg",
        ),
    ],
)
def test_records_that_cannot_be_measured_are_errors(records, message):
    with pytest.raises(UserError, match=message):
        dataset_of(records, LABEL_MAP)


def test_detections_that_are_not_numbers_are_an_error_with_their_images():
    images = dataset_of([record("a.jpg", Box("cat", 0, 0, 9, 9)), record("b.jpg"), record("c.jpg")], LABEL_MAP).images
    good = Answer(np.zeros((1, 4), np.float32), np.array([0.5], np.float32), np.array([1]))
    broken = good._replace(finite=False)
    with pytest.raises(UserError, match=r"on 2 of 3 images: b.jpg, c.jpg"):
        detections_of([good, broken, broken], images)
    assert len(detections_of([good, good, good], images)) == 3


def test_every_image_has_detections_exactly_once():
    images = dataset_of([record("a.jpg", Box("cat", 0, 0, 9, 9)), record("b.jpg")], LABEL_MAP).images
    none = Answer(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    found = detections_of([none, none], images)
    assert len(found) == 0 and found.boxes.shape == (0, 4)
    with pytest.raises(ValueError, match="1 images have detections, 2"):
        detections_of([none], images)


def test_scores_are_the_decimal_numbers_that_they_show():
    assert decimal(np.array([0.9, 0.1, 1e-8], np.float32)).tolist() == [0.9, 0.1, 1e-8]
    random = np.random.default_rng(0).random(1000).astype(np.float32)
    assert (decimal(random).astype(np.float32) == random).all()

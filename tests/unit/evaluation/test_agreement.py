"""What a form finds again of a checkpoint's detections."""

import numpy as np
import pytest

from boxwright.evaluation.agreement import found_again
from boxwright.evaluation.data import Detections, Images

IMAGES = Images(("a", "b"), np.array([100, 200]), np.array([100, 400]))


def detections(*rows) -> Detections:
    """From rows (image, box in pixels, score, class)."""
    image, boxes, scores, classes = zip(*rows, strict=True) if rows else ((), np.zeros((0, 4)), (), ())
    return Detections(np.array(image, np.int64), np.array(boxes, float), np.array(scores, float), np.array(classes))


WANTED = detections(
    (0, (10, 10, 50, 50), 0.9, 1),
    (0, (10, 10, 50, 50), 0.8, 2),
    (1, (0, 0, 100, 200), 0.7, 1),
    (1, (0, 0, 9, 9), 0.009, 1),
)


def test_all_is_found_in_itself():
    found = found_again(WANTED, WANTED, IMAGES, 1e-4)
    assert found == {"share": 1, "max_box": 0, "max_score": 0, "detections": 3}


def test_differences_are_relative_to_the_image():
    other = detections((0, (10, 10, 50, 51), 0.9, 1), (0, (10, 10, 50, 50), 0.805, 2), (1, (0, 0, 100, 201), 0.7, 1))
    found = found_again(WANTED, other, IMAGES, 0.02)
    assert (
        found["share"] == 1 and found["max_box"] == pytest.approx(0.01) and found["max_score"] == pytest.approx(0.005)
    )
    found = found_again(WANTED, other, IMAGES, 0.004)
    assert found["share"] == pytest.approx(1 / 3) and found["max_box"] == pytest.approx(1 / 400)


def test_another_class_or_another_image_is_not_found():
    other = detections((0, (0, 0, 100, 200), 0.7, 1), (1, (10, 10, 50, 50), 0.9, 1), (1, (0, 0, 100, 200), 0.7, 3))
    assert found_again(WANTED, other, IMAGES, 0.01)["share"] == 0


def test_nothing_to_find_and_nothing_found():
    assert found_again(detections(), WANTED, IMAGES, 0.1) == {"share": 1, "max_box": 0, "max_score": 0, "detections": 0}
    assert found_again(WANTED, detections(), IMAGES, 0.1)["share"] == 0

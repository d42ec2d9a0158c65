"""Matching at one IoU, with pycocotools as the oracle."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from boxwright.evaluation import coco, overlaps

from .sets import found_of, random_set, truth_of, voc_set


def theirs(dataset, detections) -> tuple[dict[int, int], set[int]]:
    """Detection -> annotated box, and the detections that are neither right nor wrong, as pycocotools matches them."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {key: list(items) for key, items in coco.ground_truth(dataset).items()}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(coco.results(detections)), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
    found, seen, ignored = {}, set(), set()
    for image in filter(None, evaluation.evalImgs):
        for detection, box, ignore in zip(image["dtIds"], image["dtMatches"][0], image["dtIgnore"][0], strict=True):
            seen.add(detection - 1)
            if ignore:
                ignored.add(detection - 1)
            elif box:
                found[detection - 1] = int(box) - 1
    return found, ignored | (set(range(len(detections))) - seen)


def assert_equal(dataset, detections):
    pairs = overlaps.overlapping(dataset.truth, detections, 0.1)
    matches = overlaps.match(dataset.truth, detections, pairs)
    found, ignored = theirs(dataset, detections)
    assert {row: int(matches.found[row]) for row in np.flatnonzero(matches.right)} == found
    assert set(np.flatnonzero(~matches.counts).tolist()) == ignored
    return matches


@pytest.mark.parametrize(
    "settings",
    [{"seed": 1}, {"seed": 2, "crowd": 0.3}, {"seed": 3, "difficult": 0.3, "empty": 0.5}, {"seed": 4, "ties": True}],
    ids=["plain", "crowds", "difficult and empty images", "equal scores"],
)
def test_matches_as_pycocotools_does(settings):
    matches = assert_equal(*random_set(images=150, **settings))
    assert matches.right.any() and matches.wrong.any()
    assert (~matches.counts).any() == ("crowd" in settings)


def test_matches_as_pycocotools_does_on_bccd(shared):
    assert_equal(*voc_set(shared / "data" / "bccd" / "annotations", seed=2))


def test_a_hundred_detections_of_a_class_in_an_image_are_looked_at():
    truth = truth_of([0, 0], [[0, 0, 10, 10], [50, 50, 60, 60]], [1, 1])
    boxes = [[200, 200, 210, 210]] * 100 + [[0, 0, 10, 10]] + [[50, 50, 60, 60]]
    found = found_of([0] * 102, boxes, np.linspace(0.9, 0.1, 102), [1] * 101 + [2])
    matches = overlaps.match(truth, found, overlaps.overlapping(truth, found, 0.1))
    assert not matches.right.any()
    assert np.flatnonzero(~matches.counts).tolist() == [100]


def test_pairs_are_those_of_one_image_in_any_number_of_blocks(monkeypatch):
    dataset, found = random_set(5, images=40, crowd=0.2)
    whole = overlaps.overlapping(dataset.truth, found, 0.1)
    monkeypatch.setattr(overlaps, "_BLOCK", 7)
    for one, other in zip(whole, overlaps.overlapping(dataset.truth, found, 0.1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (found.image[whole.detection] == dataset.truth.image[whole.truth]).all()
    everything = overlaps.overlapping(dataset.truth, found, 1e-12)
    assert (everything.overlap >= 0.1).sum() == len(whole.overlap) and everything.overlap.max() <= 1


def test_a_crowd_is_covered_by_the_share_of_the_detection():
    truth = truth_of([0, 0], [[0, 0, 100, 100], [0, 0, 100, 100]], [1, 1], crowd=[True, False])
    found = found_of([0], [[90, 0, 110, 10]], [0.9], [1])
    pairs = overlaps.overlapping(truth, found, 0.001)
    assert pairs.overlap == pytest.approx([0.5, 100 / (200 + 10000 - 100)])


def test_nothing_detected_and_nothing_annotated():
    truth, none = truth_of([0], [[0, 0, 9, 9]], [1]), found_of([], [], [], [])
    matches = overlaps.match(truth, none, overlaps.overlapping(truth, none, 0.1))
    assert len(matches.found) == 0 and matches.missed(truth, np.zeros(0, bool)).tolist() == [True]
    empty, one = truth_of([], [], []), found_of([0], [[0, 0, 9, 9]], [0.5], [1])
    matches = overlaps.match(empty, one, overlaps.overlapping(empty, one, 0.1))
    assert matches.wrong.tolist() == [True]


def test_overlaps_equal_a_search_of_all_pairs():
    dataset, found = random_set(7, images=30)
    truth = dataset.truth
    pairs = overlaps.overlapping(truth, found, 1e-9)
    expected = {}
    for row in range(len(found)):
        for box in np.flatnonzero(truth.image == found.image[row]):
            top_left = np.maximum(truth.boxes[box, :2], found.boxes[row, :2])
            wide = np.clip(np.minimum(truth.boxes[box, 2:], found.boxes[row, 2:]) - top_left, 0, None)
            areas = [np.prod(one.boxes[at, 2:] - one.boxes[at, :2]) for one, at in ((truth, box), (found, row))]
            if wide.prod() > 0:
                expected[row, int(box)] = wide.prod() / (sum(areas) - wide.prod())
    ours = dict(zip(zip(pairs.detection.tolist(), pairs.truth.tolist(), strict=True), pairs.overlap, strict=True))
    assert ours == pytest.approx(expected)
    overlap, index = overlaps.best(len(found), pairs)
    for row in range(len(found)):
        own = {box: value for (other, box), value in ours.items() if other == row}
        assert overlap[row] == max(own.values(), default=0)
        assert index[row] == max(own, key=own.get, default=-1)


def test_the_best_of_equal_overlaps_is_the_earlier_box():
    truth = truth_of([0, 0], [[0, 0, 10, 10], [0, 0, 10, 10]], [1, 1])
    pairs = overlaps.overlapping(truth, found_of([0], [[0, 0, 10, 10]], [1], [1]), 0.5)
    assert overlaps.best(1, pairs)[1].tolist() == [0]

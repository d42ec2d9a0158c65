"""The bootstrap: each resample's mAP against COCO's on the images drawn, and an interval that covers."""

import numpy as np
import pytest

from boxwright.evaluation import coco, interval, overlaps, ranking
from boxwright.evaluation.data import AnnotatedBoxes, Dataset, Detections, Images

from .sets import found_of, images_of, random_set, truth_of


def ranked(dataset, detections):
    matches = overlaps.match(dataset.truth, detections, overlaps.overlapping(dataset.truth, detections, 0.1))
    return ranking.rankings(dataset, detections, matches)


def drawn_set(dataset, detections, counts):
    """The data set in which each image stands as often as `counts` says."""
    images = np.repeat(np.arange(len(counts)), counts)
    truth_rows = [np.flatnonzero(dataset.truth.image == image) for image in images]
    found_rows = [np.flatnonzero(detections.image == image) for image in images]

    def renumbered(table, rows):
        columns = [getattr(table, name)[np.concatenate(rows)] for name in table.__dataclass_fields__]
        columns[0] = np.repeat(np.arange(len(images)), [len(row) for row in rows])
        return type(table)(*columns)

    size = dataset.images
    names = tuple(f"{number}" for number in range(len(images)))
    again = Images(names, size.heights[images], size.widths[images])
    truth: AnnotatedBoxes = renumbered(dataset.truth, truth_rows)
    found: Detections = renumbered(detections, found_rows)
    return Dataset(again, truth, dataset.label_map), found


@pytest.mark.parametrize("settings", [{"seed": 1}, {"seed": 2, "crowd": 0.3}, {"seed": 3, "empty": 0.6, "classes": 9}])
def test_a_resample_has_the_map_of_the_images_drawn(settings):
    dataset, detections = random_set(images=30, **settings)
    random = np.random.default_rng(0)
    drawn = np.stack([np.bincount(random.integers(0, 30, 30), minlength=30) for _ in range(6)])
    drawn = np.concatenate([np.ones((1, 30), int), drawn]).astype(np.uint8)
    ours = interval.mean_of(
        interval.average_precisions(dataset, detections, ranked(dataset, detections).values(), drawn)
    )
    for row, value in zip(drawn, ours, strict=True):
        again = drawn_set(dataset, detections, row)
        theirs, _ = coco.metrics(again[0], coco.evaluate(*again))
        assert value == pytest.approx(theirs["DetectionBoxes_Precision/mAP@.50IOU"], abs=1e-9)


def test_the_interval_holds_the_value_and_shrinks_with_more_images():
    widths = []
    for images in (50, 800):
        dataset, detections = random_set(7, images=images)
        rankings = ranked(dataset, detections)
        low, high = interval.intervals(dataset, detections, rankings.values()).mean
        value = np.mean([one.average_precision for one in rankings.values() if one.objects])
        assert 0 < low < value < high < 1
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_the_interval_is_the_same_each_time_and_another_with_another_seed():
    dataset, detections = random_set(7)
    rankings = ranked(dataset, detections).values()
    first = interval.intervals(dataset, detections, rankings)
    assert first == interval.intervals(dataset, detections, rankings)
    assert first != interval.intervals(dataset, detections, rankings, seed=1)


def test_a_perfect_detector_has_no_spread():
    assert perfect(20) == ((1.0, 1.0), [(1.0, 1.0)])


@pytest.mark.parametrize("objects", [0, 1, 19])
def test_too_few_images_with_objects_have_no_interval(objects):
    assert perfect(objects) == (None, [None])


def perfect(objects):
    """The intervals of a detector that finds the object of each of so many images, among ten without any."""
    boxes = [[0, 0, 9, 9]] * objects
    dataset = Dataset(images_of(objects + 10), truth_of(range(objects), boxes, [1] * objects), {"a": 1})
    found = found_of(range(objects), boxes, [0.9] * objects, [1] * objects)
    return interval.intervals(dataset, found, ranked(dataset, found).values())


def test_the_interval_of_a_class_is_that_of_the_class_alone():
    dataset, detections = random_set(5, classes=3)
    rankings = ranked(dataset, detections)
    found = interval.intervals(dataset, detections, rankings.values())
    for (name, number), ends in zip(dataset.label_map.items(), found.classes, strict=True):
        truth = dataset.truth
        own = truth.classes == number
        columns = [getattr(truth, column)[own] for column in truth.__dataclass_fields__]
        alone = Dataset(dataset.images, AnnotatedBoxes(*columns), {name: number})
        seen = detections.where(detections.classes == number)
        (one,) = ranked(alone, seen).values()
        assert interval.intervals(alone, seen, [one]) == (ends, [ends])
        assert ends is None if not one.objects else ends[0] <= one.average_precision <= ends[1]


def test_a_class_in_too_few_images_has_no_interval():
    images = [*range(19), *range(19), *range(10, 30)]  # 38 boxes of the first class, in 19 images
    dataset = Dataset(images_of(30), truth_of(images, [[0, 0, 9, 9]] * 58, [1] * 38 + [2] * 20), {"a": 1, "b": 2})
    found = found_of([0, *range(20, 30)], [[0, 0, 9, 9]] * 11, [0.9] * 11, [1] + [2] * 10)
    (low, high), (one, two) = interval.intervals(dataset, found, ranked(dataset, found).values())
    assert one is None and 0.2 < two[0] < 0.5 < two[1] < 0.8
    assert (low, high) == (two[0] / 2, (1 + two[1]) / 2), "in the mean it may have any average precision"


def test_classes_that_are_all_in_too_few_images_have_no_mean_with_an_interval():
    images = [*range(15), *range(15, 30)]
    dataset = Dataset(images_of(30), truth_of(images, [[0, 0, 9, 9]] * 30, [1] * 15 + [2] * 15), {"a": 1, "b": 2})
    found = found_of([0], [[0, 0, 9, 9]], [0.9], [1])
    assert interval.intervals(dataset, found, ranked(dataset, found).values()) == (None, [None, None])

"""VOC's AP@0.5 against hand-worked values and a second implementation, one detection at a time."""

from collections import defaultdict

import numpy as np
import pytest

from boxwright.evaluation import names, overlaps, pascal
from boxwright.evaluation.data import Dataset

from .sets import found_of, images_of, random_set, truth_of, voc_set


def overlap(a, b, crowd):
    """Intersection over union of a detection and a box; over the detection alone where the box is a crowd."""
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both, own, other = height * width, (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return both / (own if crowd else own + other - both) if both else 0.0


def measured(dataset, detections):
    return pascal.metrics(dataset, detections, overlaps.overlapping(dataset.truth, detections, 0.5))


def oracle(dataset, detections, number) -> tuple[float, float] | None:
    """VOC's own procedure, word by word: walk the ranked detections of a class, then integrate the curve, and, as in
    2007, average its largest precisions from eleven recalls on.
    """
    truth = dataset.truth
    rows = [row for row in range(len(truth)) if truth.classes[row] == number]
    ignored = {row for row in rows if truth.difficult[row] or truth.crowd[row]}
    objects = len(rows) - len(ignored)
    if not objects:
        return None
    ranked = sorted(
        (row for row in range(len(detections)) if detections.classes[row] == number),
        key=lambda row: -detections.scores[row],
    )
    by_image = defaultdict(list)
    for row in rows:
        by_image[truth.image[row]].append(row)
    taken, right = set(), []
    for row in ranked:
        here = by_image[detections.image[row]]
        shared = {g: overlap(detections.boxes[row], truth.boxes[g], truth.crowd[g]) for g in here}
        best = max(shared, key=lambda g: (shared[g] >= 0.5 and not truth.crowd[g], shared[g]), default=None)
        if best is None or shared[best] < 0.5:
            right.append(False)
        elif best in ignored:
            continue
        else:
            right.append(best not in taken)
            taken.add(best)
    recall, precision = [0.0], [0.0]
    found = 0
    reached: list[tuple[int, float]] = []
    for count, one in enumerate(right, start=1):
        found += one
        reached.append((found, found / count))
        recall.append(found / objects)
        precision.append(found / count)
    recall.append(1.0)
    precision.append(0.0)
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    tenths = [max((p for n, p in reached if 10 * n >= tenth * objects), default=0.0) for tenth in range(11)]
    return sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall))), sum(tenths) / 11


@pytest.mark.parametrize(
    "settings", [{"seed": 1}, {"seed": 2, "difficult": 0.4, "crowd": 0.2}, {"seed": 3, "ties": True}]
)
def test_equals_the_procedure_one_detection_at_a_time(settings):
    dataset, detections = random_set(images=40, **settings)
    assert_equal(dataset, detections)


def test_equals_the_procedure_on_bccd(shared):
    assert_equal(*voc_set(shared / "data" / "bccd" / "annotations", seed=1), tolerance=1e-9)


def assert_equal(dataset, detections, tolerance=1e-9):
    values, undefined = measured(dataset, detections)
    expected = {name: oracle(dataset, detections, number) for name, number in dataset.label_map.items()}
    kinds = ((names.PASCAL_MEAN, names.PASCAL_PER_CLASS), (names.PASCAL_MEAN_07, names.PASCAL_PER_CLASS_07))
    for kind, (mean, per_class) in enumerate(kinds):
        for name, value in expected.items():
            ours = values[per_class + name]
            if value is None:
                assert ours is None and undefined[per_class + name]
            else:
                assert ours == pytest.approx(value[kind], abs=tolerance)
        defined = [value[kind] for value in expected.values() if value is not None]
        assert values[mean] == pytest.approx(np.mean(defined), abs=tolerance)


def test_area_under_the_interpolated_curve_by_hand():
    # Right, wrong, right of 4 objects: precision 1, 1/2, 2/3 at recall 1/4, 1/4, 1/2.
    assert pascal.average_precision(np.array([True, False, True]), 4) == pytest.approx((1 + 2 / 3) / 4)
    # Wrong, right, right of 2: the envelope lifts 1/2 to 2/3.
    assert pascal.average_precision(np.array([False, True, True]), 2) == pytest.approx(2 / 3)
    assert pascal.average_precision(np.array([], bool), 3) == 0


def test_eleven_points_by_hand():
    # Right, wrong, right of 4: precision 1 up to recall 1/4 (0, 0.1, 0.2), 2/3 up to 1/2 (0.3, 0.4, 0.5), then 0.
    assert pascal.eleven_points(np.array([True, False, True]), 4) == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)
    # A recall of 3 / 10 reaches 0.3.
    assert pascal.eleven_points(np.array([True] * 3), 10) == pytest.approx(4 / 11)
    assert pascal.eleven_points(np.array([True, True]), 2) == 1
    assert pascal.eleven_points(np.array([], bool), 3) == pascal.eleven_points(np.zeros(5, bool), 3) == 0


def test_duplicates_are_mistakes_and_difficult_boxes_are_left_out():
    box, other = [0, 0, 10, 10], [50, 50, 80, 80]
    truth = truth_of([0, 0], [box, other], [1, 1], difficult=[False, True])
    dataset = Dataset(images_of(1), truth, {"dog": 1, "cat": 2})
    # Best: on the difficult box, left out. Then right, then a duplicate of it.
    detections = found_of([0, 0, 0], [other, box, box], [0.9, 0.8, 0.7], [1, 1, 1])
    values, undefined = measured(dataset, detections)
    assert values == {
        "PascalBoxes_Precision/mAP@0.5IOU": 1.0,
        "PascalBoxes_PerformanceByCategory/AP@0.5IOU/dog": 1.0,
        "PascalBoxes_PerformanceByCategory/AP@0.5IOU/cat": None,
        "PascalBoxes_Precision/mAP@0.5IOU (VOC07)": 1.0,
        "PascalBoxes_PerformanceByCategory/AP@0.5IOU (VOC07)/dog": 1.0,
        "PascalBoxes_PerformanceByCategory/AP@0.5IOU (VOC07)/cat": None,
    }
    assert set(undefined) == {name for name, value in values.items() if value is None}
    # The duplicate first in rank costs nothing, since the first on an object is the right one.
    doubled = measured(dataset, found_of([0, 0], [box, box], [0.8, 0.9], [1, 1]))[0]
    assert doubled["PascalBoxes_Precision/mAP@0.5IOU"] == 1.0


def test_only_difficult_boxes_is_undefined():
    dataset = Dataset(images_of(1), truth_of([0], [[0, 0, 9, 9]], [1], difficult=[True]), {"dog": 1})
    values, undefined = measured(dataset, found_of([], [], [], []))
    mean, of_dog = (names.PASCAL_MEAN, names.PASCAL_MEAN_07), (names.PASCAL_PER_CLASS, names.PASCAL_PER_CLASS_07)
    assert values == dict.fromkeys([*mean, *(prefix + "dog" for prefix in of_dog)])
    assert "difficult" in undefined[names.PASCAL_MEAN] and "difficult" in undefined[names.PASCAL_PER_CLASS + "dog"]


def test_class_names_are_normalised_as_the_od_api_does():
    dataset = Dataset(images_of(1), truth_of([0], [[0, 0, 9, 9]], [1]), {"café": 1})
    values, _ = measured(dataset, found_of([], [], [], []))
    assert "PascalBoxes_PerformanceByCategory/AP@0.5IOU/cafe\u0301" in values


def test_a_box_within_a_crowd_is_found():
    truth = truth_of([0, 0], [[0, 0, 40, 40], [0, 0, 100, 100]], [1, 1], crowd=[False, True])
    found = found_of([0, 0], [[0, 0, 40, 38], [60, 60, 90, 90]], [0.9, 0.8], [1, 1])
    values, _ = measured(Dataset(images_of(1), truth, {"cat": 1}), found)
    assert values[names.PASCAL_MEAN] == 1.0

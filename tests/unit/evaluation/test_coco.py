"""COCO's numbers, with pycocotools as the oracle."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from boxwright.evaluation import coco, names, overlaps
from boxwright.evaluation.data import Dataset

from .sets import found_of, images_of, random_set, truth_of, voc_set

TWELVE = [name for name, *_ in names.COCO_NUMBERS]


def measured(dataset, detections):
    return coco.metrics(dataset, coco.evaluate(dataset, detections))


def oracle(folder, dataset, detections) -> dict:
    """pycocotools over the two files as they are written."""
    coco.write_ground_truth(folder / "eval.coco.json", dataset)
    coco.write_results(folder / "detections.json", detections)
    truth = COCO(folder / "eval.coco.json")
    evaluation = COCOeval(truth, truth.loadRes(str(folder / "detections.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    values = dict(zip(TWELVE, evaluation.stats, strict=True))
    for column, number in enumerate(evaluation.params.catIds):
        name = truth.cats[number]["name"]
        precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
        values[names.PER_CLASS + name] = precision[:, :, column, 0, -1].mean()
        values[names.PER_CLASS_50 + name] = precision[0, :, column, 0, -1].mean()
        values[names.PER_CLASS_AR + name] = recall[:, column, 0, -1].mean()
    return values


def assert_equal(ours: dict, undefined: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if value == -1:
            assert ours[name] is None and undefined[name]
        else:
            assert ours[name] == pytest.approx(value, abs=1e-9), name
            assert name not in undefined


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 1},
        {"seed": 2, "crowd": 0.3},
        {"seed": 3, "difficult": 0.3, "empty": 0.5},
        {"seed": 4, "ties": True, "crowd": 0.1},
        {"seed": 5, "classes": 20, "images": 120},
    ],
    ids=["plain", "crowds", "difficult and empty images", "equal scores", "many classes"],
)
def test_equals_pycocotools_on_synthetic_sets(tmp_path, settings):
    dataset, detections = random_set(**settings)
    ours, undefined = measured(dataset, detections)
    theirs = oracle(tmp_path, dataset, detections)
    assert 0.05 < theirs["DetectionBoxes_Precision/mAP"] < 0.95
    assert_equal(ours, undefined, theirs)


def test_equals_pycocotools_on_bccd(tmp_path, shared):
    dataset, detections = voc_set(shared / "data" / "bccd" / "annotations", seed=0)
    assert len(dataset.images) == 364 and len(dataset.truth) == 4888
    ours, undefined = measured(dataset, detections)
    assert_equal(ours, undefined, oracle(tmp_path, dataset, detections))


def test_more_than_a_hundred_detections_in_an_image(tmp_path):
    random = np.random.default_rng(0)
    corners = random.uniform(0, 400, (150, 2))
    boxes = np.round(np.concatenate([corners, corners + random.uniform(20, 80, (150, 2))], axis=1), 3)
    dataset = Dataset(images_of(1), truth_of([0] * 150, boxes, [1] * 150), {"a": 1})
    detections = found_of([0] * 150, boxes, np.linspace(0.9, 0.1, 150), [1] * 150)
    ours, undefined = measured(dataset, detections)
    assert_equal(ours, undefined, oracle(tmp_path, dataset, detections))
    assert ours["DetectionBoxes_Recall/AR@100"] == pytest.approx(100 / 150)


def test_no_ground_truth_of_a_size_or_class_is_none_with_its_reason():
    dataset = Dataset(images_of(2), truth_of([0], [[0, 0, 20, 20]], [1]), {"dog": 1, "cat": 2})
    values, undefined = measured(dataset, found_of([0, 1], [[0, 0, 20, 20]] * 2, [0.9, 0.8], [1, 2]))
    assert values["DetectionBoxes_Precision/mAP"] == pytest.approx(1.0)
    assert values["DetectionBoxes_Precision/mAP (small)"] == pytest.approx(1.0)
    assert values["DetectionBoxes_Precision/mAP (large)"] is None
    assert "96 x 96" in undefined["DetectionBoxes_Precision/mAP (large)"]
    assert "'cat'" in undefined["DetectionBoxes_PerformanceByCategory/mAP/cat"]
    assert set(undefined) == {name for name, value in values.items() if value is None}


def test_no_detections_at_all_is_zero():
    dataset = Dataset(images_of(1), truth_of([0], [[0, 0, 20, 20]], [1]), {"dog": 1})
    values, _ = measured(dataset, found_of([], [], [], []))
    assert values["DetectionBoxes_Precision/mAP"] == 0
    assert values["DetectionBoxes_Recall/AR@100"] == 0


def test_ground_truth_file_numbers_images_in_the_order_of_the_records(tmp_path):
    truth = truth_of([1, 1], [[10, 20, 30, 60], [0, 0, 5, 5]], [2, 1], crowd=[0, 1], difficult=[1, 0], areas=[500, 25])
    dataset = Dataset(images_of(3), truth, {"dog": 1, "cat": 2})
    coco.write_ground_truth(tmp_path / "gt.json", dataset)
    parts = json.loads((tmp_path / "gt.json").read_text())
    assert [(image["id"], image["file_name"]) for image in parts["images"]] == [
        (1, "0000.jpg"),
        (2, "0001.jpg"),
        (3, "0002.jpg"),
    ]
    assert parts["images"][0] | {"width": 640, "height": 480} == parts["images"][0]
    assert parts["categories"] == [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    first, second = parts["annotations"]
    assert (first["id"], first["image_id"], first["category_id"]) == (1, 2, 2)
    assert first["bbox"] == [20, 10, 40, 20] and first["area"] == 500
    assert (first["difficult"], first["iscrowd"], second["difficult"], second["iscrowd"]) == (1, 0, 0, 1)


def test_results_file(tmp_path):
    coco.write_results(tmp_path / "d.json", found_of([2], [[1.5, 2.25, 11.5, 22.5]], [0.9], [4]))
    assert json.loads((tmp_path / "d.json").read_text()) == [
        {"image_id": 3, "category_id": 4, "bbox": [2.25, 1.5, 20.25, 10.0], "score": 0.9}
    ]
    coco.write_results(tmp_path / "none.json", found_of([], [], [], []))
    assert json.loads((tmp_path / "none.json").read_text()) == []


@pytest.mark.parametrize(
    "settings",
    [{"seed": 1}, {"seed": 2, "crowd": 0.3}, {"seed": 3, "empty": 0.6, "classes": 12}, {"seed": 4, "ties": True}],
    ids=["plain", "crowds", "empty images", "equal scores"],
)
def test_detections_after_the_last_on_an_object_change_nothing(settings):
    dataset, detections = random_set(images=80, **settings)
    # Many more with low scores, as a detector gives them.
    random = np.random.default_rng(0)
    low, high = np.sort(random.uniform(0, 400, (2, 3000, 2)), axis=0)
    image, label = random.integers(0, 80, 3000), random.integers(1, settings.get("classes", 5) + 1, 3000)
    noise = found_of(image, np.round(np.concatenate([low, high], axis=1), 3), random.uniform(0, 0.2, 3000), label)
    columns = [np.concatenate(pair) for pair in zip(vars(detections).values(), vars(noise).values(), strict=True)]
    order = np.lexsort((-columns[2], columns[0]))
    every = found_of(*(column[order] for column in columns))
    matter = overlaps.that_matter(dataset.truth, every, overlaps.overlapping(dataset.truth, every, 0.5))
    assert 0.1 < matter.mean() < 0.9
    some, whole = coco.evaluate(dataset, every.where(matter)), coco.evaluate(dataset, every)
    for ours, theirs in zip(some[:3], whole[:3], strict=True):
        np.testing.assert_array_equal(ours, theirs)

"""Metrics without the evaluation images that show the same as a training image."""

import json

import numpy as np
import pytest
from tests import factories

from boxwright import tfrecord
from boxwright.dataset.samples import Box, Sample
from boxwright.evaluation import coco, leakage
from boxwright.evaluation.data import Records, dataset_of
from boxwright.evaluation.measure import measure
from boxwright.records.example import to_example

from .sets import found_of, random_set

LABEL_MAP = {"cat": 1, "dog": 2}
WIDTH, HEIGHT = 64, 48


def write_records(path, images):
    """A record of each image: name -> boxes as (class, corners)."""
    data = factories.photo(0, WIDTH, HEIGHT)
    with path.open("wb") as file:
        for name, boxes in images.items():
            sample = Sample(name, "", "", WIDTH, HEIGHT, "jpeg", (), tuple(Box(kind, *at) for kind, at in boxes))
            tfrecord.write(file, to_example(sample, data, LABEL_MAP))
    return [path]


@pytest.fixture
def images():
    random = np.random.default_rng(3)
    found = {}
    for number in range(12):
        corners = [np.sort(random.integers(0, 16, (2, 2)), axis=0) * 3 + [[0, 0], [3, 3]] for _ in range(number % 3)]
        found[f"{number}.jpg"] = [
            (str(random.choice(["cat", "dog"])), corner.ravel().astype(float).tolist()) for corner in corners
        ]
    return found


def detected(dataset):
    """Every second box as it is, and some that are wrong."""
    rows = []
    for image in range(len(dataset.images)):
        name = int(dataset.images.names[image].removesuffix(".jpg"))
        of = np.flatnonzero(dataset.truth.image == image)
        some = [(0.5 + name / 100, dataset.truth.boxes[row], dataset.truth.classes[row]) for row in of[::2]]
        some.append((0.4 + name / 100, np.array([1.125, 2.25, 20.5, 30.75]), 1 + name % 2))
        rows += [(image, box, score, kind) for score, box, kind in sorted(some, key=lambda one: -one[0])]
    return found_of(*zip(*rows, strict=True))


def run(folder, images, left_out):
    records = write_records(folder / "eval.tfrecord", images)
    dataset = dataset_of(Records(records), LABEL_MAP)
    found = detected(dataset)
    coco.write_results(folder / "detections.json", found)
    metrics = measure(dataset, found).metrics
    whole = {"model": "m", "step": 7, "seed": 1, "images": len(images), "boxes": len(dataset.truth), "metrics": metrics}
    (folder / "metrics.json").write_text(json.dumps(whole | {"undefined": {}, "training_sample": None}))
    files = [folder / "metrics.json", folder / "detections.json"]
    result = leakage.run(*files, records, LABEL_MAP, left_out, folder / "out.json")
    assert json.loads((folder / "out.json").read_text()) == json.loads(json.dumps(result))
    return result, whole


def test_it_is_the_measurement_of_the_other_images_alone(tmp_path, images):
    left_out = {"1.jpg", "2.jpg", "3.jpg", "11.jpg"}
    result, whole = run(tmp_path, images, left_out)
    others = {name: boxes for name, boxes in images.items() if name not in left_out}
    dataset = dataset_of(Records(write_records(tmp_path / "others.tfrecord", others)), LABEL_MAP)
    alone = measure(dataset, detected(dataset))
    assert result["metrics"] == alone.metrics and result["undefined"] == alone.undefined
    assert result["interval"] == alone.analysis["interval"]
    assert (result["images"], result["boxes"]) == (8, len(dataset.truth))
    assert result["left_out"] == sorted(left_out)
    assert (result["model"], result["step"], result["seed"]) == ("m", 7, 1)
    assert result["metrics"] != whole["metrics"]


def test_without_any_it_is_the_whole_measurement(tmp_path, images):
    result, whole = run(tmp_path, images, set())
    assert result["metrics"] == whole["metrics"]


def test_where_every_box_goes_the_metrics_are_undefined(tmp_path, images):
    result, whole = run(tmp_path, images, {name for name, boxes in images.items() if boxes})
    assert result["metrics"].keys() == whole["metrics"].keys() and set(result["metrics"].values()) == {None}
    assert set(result["undefined"].values()) == {"every evaluation image with a box shows the same as a training image"}


def test_written_detections_are_read_to_the_bit(tmp_path):
    _, found = random_set(4)
    coco.write_results(tmp_path / "detections.json", found)
    read = leakage.read_results(tmp_path / "detections.json")
    for one, other in zip(vars(found).values(), vars(read).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_detection_at_all(tmp_path):
    (tmp_path / "detections.json").write_text("[\n]\n")
    assert len(leakage.read_results(tmp_path / "detections.json")) == 0

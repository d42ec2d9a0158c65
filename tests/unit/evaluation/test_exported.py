"""An exported detector measured by what its runtime answers."""

import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.evaluation import exported, names
from boxwright.records.example import from_example, to_example

LABEL_MAP = {"cat": 1, "dog": 2}
BOXES = [("cat", 10, 20, 50, 60), ("dog", 40, 10, 90, 70)]


def record(name: str, *boxes: tuple, width=100, height=80):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (len(name), 40, 90)).save(buffer, "PNG")
    data = buffer.getvalue()
    sample = Sample(
        name, "", hashlib.sha256(data).hexdigest(), width, height, "png", (), tuple(Box(*one) for one in boxes)
    )
    return from_example(to_example(sample, data, LABEL_MAP))


@pytest.fixture
def records():
    return [record("a.png", *BOXES), record("b.png", BOXES[0]), record("empty.png", width=64, height=64)]


def detector(answers, padded_to=5, **others):
    """A runtime that gives one answer after the other, padded as an exported detector pads them."""
    waiting = iter(answers)

    def detect(images):
        assert images.dtype == np.uint8
        assert images.ndim == 4
        rows = next(waiting)
        boxes, scores, classes = np.zeros((1, padded_to, 4)), np.zeros((1, padded_to)), np.ones((1, padded_to))
        for index, (name, xmin, ymin, xmax, ymax, score) in enumerate(rows):
            height, width = images.shape[1:3]
            boxes[0, index] = ymin / height, xmin / width, ymax / height, xmax / width
            scores[0, index], classes[0, index] = score, LABEL_MAP.get(name, 3)
        found = {"detection_boxes": boxes, "detection_scores": scores, "detection_classes": classes}
        found = {key: values.astype(np.float32) for key, values in found.items()}
        return found | {"num_detections": np.array([len(rows)], np.float32)} | others

    return detect


PERFECT = [[(*box, 0.9) for box in BOXES], [(*BOXES[0], 0.8)], []]


def test_a_perfect_detector_has_perfect_numbers(records):
    found = exported.evaluate(detector(PERFECT), records, LABEL_MAP)
    assert found.measured.metrics[names.PRECISION + "mAP"] == pytest.approx(1)
    assert len(found.detections) == 3
    assert found.measured.analysis["images"][2] == {
        "name": "empty.png",
        "image_id": 3,
        "boxes": 0,
        "correct": 0,
        "wrong": 0,
        "missed": 0,
        "f1": None,
        "missed_boxes": [],
    }


def test_padding_is_no_detection_and_a_form_may_lack_the_number(records):
    detect = detector(PERFECT, padded_to=2)

    def without_number(images):
        answer = detect(images)
        del answer["num_detections"]
        return answer

    assert len(exported.evaluate(detector(PERFECT), records, LABEL_MAP).detections) == 3
    assert len(exported.evaluate(without_number, records, LABEL_MAP).detections) == 6


def test_numbers_that_are_not_finite_are_refused_with_the_image(records):
    broken = detector(PERFECT, raw_detection_scores=np.array([np.nan], np.float32))
    with pytest.raises(UserError, match=r"3 of 3 images: a\.png"):
        exported.evaluate(broken, records, LABEL_MAP)


def test_what_is_written(records, tmp_path, capsys):
    out = exported.Files(*(tmp_path / name for name in ("metrics.json", "analysis.json", "detections.json")))
    evaluation = exported.evaluate(detector(PERFECT), records, LABEL_MAP, score_threshold=0.85, side="test")
    about = {"model": "small", "step": 30, "form": "frozen_graph"}
    result = exported.write(evaluation, out, about, "The frozen graph of small")
    assert json.loads(out.metrics.read_text()) == result
    assert list(result) == ["model", "step", "form", "images", "boxes", "metrics", "undefined"]
    assert (result["images"], result["boxes"]) == (3, 3)
    analysed = json.loads(out.analysis.read_text())
    assert analysed["score_threshold"] == 0.85
    assert [one["missed"] for one in analysed["images"]] == [0, 1, 0]
    assert analysed["interval"] is None and "at least 20 images" in analysed["interval_reason"]
    assert len(json.loads(out.detections.read_text())) == 3
    assert "The frozen graph of small: 3 images, 3 boxes" in capsys.readouterr().err

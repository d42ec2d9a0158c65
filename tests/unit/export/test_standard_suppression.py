"""Suppression by the standard operation: the rows of `boxes.nms`, in ONNX Runtime and in OpenVINO."""

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from boxwright.boxes import nms
from boxwright.core.openvino import openvino
from boxwright.export import graph, onnx_graph, openvino_model, standard_suppression

FIELDS = ("boxes", "scores", "classes", "anchors", "num")
SETTINGS = nms.Settings(iou_threshold=0.5, score_threshold=0.01, max_detections_per_class=8, max_total_detections=20)


def packed(random, anchors: int, classes: int, sets: int, clusters: int, batch: int = 2) -> np.ndarray:
    """Boxes around a few centers, some of them outside or without area, and scores: [B, A, sets * 4 + classes]."""
    centers = random.uniform(-0.1, 1.1, (batch, clusters, 1, 2))
    middle = centers[:, random.integers(0, clusters, anchors)] + random.normal(0, 0.02, (batch, anchors, sets, 2))
    half = random.uniform(0.05, 0.2, (batch, anchors, sets, 2)) * (random.random((batch, anchors, sets, 1)) > 0.05)
    boxes = np.concatenate([middle - half, middle + half], axis=-1).reshape(batch, anchors, -1)
    # Rounded, so that many are equal.
    scores = np.round(random.random((batch, anchors, classes)) ** 4, 3)
    return np.concatenate([boxes, scores], axis=-1).astype(np.float32)


def suppressing(given: np.ndarray, classes: int, sets: int, settings: nms.Settings, valid: bool):
    """The function from packed boxes and scores to the rows that remain, by name; nms.multiclass is looked up late."""
    windows = tf.constant([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.8, 1.0]])
    count = tf.constant([given.shape[1], given.shape[1] - 7]) if valid else None

    def suppress(values: tf.Tensor) -> dict[str, tf.Tensor]:
        boxes = tf.reshape(values[..., : 4 * sets], [tf.shape(values)[0], -1, sets, 4])
        found = nms.multiclass(boxes, values[..., 4 * sets :], settings, windows, count)
        return {name: tf.cast(getattr(found, name), tf.float32) for name in FIELDS}

    return suppress


def converted(suppress, shape: list) -> bytes:
    with standard_suppression.in_use():
        flat = graph.frozen(suppress, "given", tf.TensorSpec(shape, tf.float32))
    return onnx_graph.converted(flat, "suppression", ["given"], FIELDS).SerializeToString()


CASES = {
    # Few classes: all candidates at once.
    "one class": (60, 1, 1, 9, {}),
    "all candidates": (100, 3, 1, 9, {}),
    # More candidates than are tried first: enough of them survive, or not, or no more are eligible.
    "the best are enough": (300, 8, 1, 150, {"max_detections_per_class": 5}),
    "the best are not enough": (900, 4, 1, 3, {"max_detections_per_class": 20, "score_threshold": 0.0}),
    "few are eligible": (400, 6, 1, 30, {"score_threshold": 0.9}),
    # Each class has boxes of its own.
    "boxes of classes": (120, 3, 3, 9, {}),
    "boxes of many classes": (300, 6, 6, 3, {"score_threshold": 0.0}),
    "one suppression over all": (80, 4, 1, 9, {"use_class_agnostic_nms": True}),
    "the image's coordinates": (60, 2, 1, 9, {"change_coordinate_frame": False}),
    "less than the limit": (6, 2, 1, 3, {}),
    # How many anchors there are depends on the image.
    "any number, one class": (60, 1, 1, 9, {}),
    "any number, many": (600, 4, 1, 3, {"score_threshold": 0.0}),
    "any number, few": (9, 4, 4, 3, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rows_and_their_order_are_those_of_the_engine(name):
    anchors, classes, sets, clusters, changed = CASES[name]
    settings, valid = SETTINGS._replace(**changed), name in ("all candidates", "boxes of many classes")
    given = packed(np.random.default_rng(len(name)), anchors, classes, sets, clusters)
    suppress = suppressing(given, classes, sets, settings, valid)
    wanted = {name: value.numpy() for name, value in suppress(tf.constant(given)).items()}
    assert 0 < wanted["num"].max() <= settings.max_total_detections
    model = converted(suppress, [None, None, given.shape[2]] if name.startswith("any") else given.shape)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer = dict(zip(FIELDS, session.run(list(FIELDS), {"given": given}), strict=True))
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(openvino_model.converted(model), "CPU", precise)
    for runtime, found in (("ONNX Runtime", answer), ("OpenVINO", compiled([given]))):
        for field in FIELDS:
            np.testing.assert_allclose(found[field], wanted[field], atol=1e-6, err_msg=f"{runtime}: {field}")


def test_soft_suppression_has_no_standard_operation():
    given = packed(np.random.default_rng(0), 10, 2, 1, 3)
    with standard_suppression.in_use(), pytest.raises(ValueError, match="no soft suppression"):
        suppressing(given, 2, 1, SETTINGS._replace(soft_nms_sigma=0.5), False)(tf.constant(given))


def test_the_engines_own_suppression_is_back_afterwards():
    own = nms.multiclass
    with standard_suppression.in_use():
        assert nms.multiclass is standard_suppression.multiclass
    assert nms.multiclass is own

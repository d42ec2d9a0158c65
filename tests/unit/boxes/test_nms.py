import math

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from boxwright import protos
from boxwright.boxes import nms
from boxwright.catalog import check
from boxwright.core.errors import UserError
from boxwright.pipeline import parts

UNIT = tf.constant([0.0, 0.0, 1.0, 1.0])
# Boxes 0 and 1 overlap by 0.8 / 1.0; 2 is apart; 3 is outside the unit square.
BOXES = tf.constant([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.4], [0.6, 0.6, 0.9, 0.9], [1.0, 1.0, 1.5, 1.5]])[
    None, :, None
]


def run(scores, settings, boxes=BOXES, windows=UNIT, num_valid=None):
    scores = tf.constant(scores, tf.float32)[None]
    found = nms.multiclass(boxes, scores, settings, windows, num_valid)
    count = int(found.num[0])
    assert found.boxes.shape == [1, settings.max_total_detections, 4]
    for values in found[:4]:
        assert values.shape[1] == settings.max_total_detections
        assert not np.any(values[0, count:])
    rows = zip(found.anchors[0], found.classes[0], found.scores[0], strict=True)
    return [(int(anchor), int(kind), round(float(score), 5)) for anchor, kind, score in rows][:count], found


def test_suppression_per_class():
    settings = nms.Settings(iou_threshold=0.6, max_detections_per_class=5, max_total_detections=5)
    found, all_found = run([[0.9, 0.1], [0.8, 0.3], [0.7, 0.0], [0.6, 0.0]], settings)
    # Class 0 keeps anchor 0 over 1, class 1 the reverse; a score of 0 is not above the threshold; anchor 3 is outside.
    assert found == [(0, 0, 0.9), (2, 0, 0.7), (1, 1, 0.3)]
    np.testing.assert_array_equal(all_found.boxes[0, :3], tf.gather(BOXES[0, :, 0], [0, 2, 1]))


def test_boxes_at_the_threshold_stay():
    boxes = tf.constant([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.25]])[None, :, None]
    settings = nms.Settings(iou_threshold=0.5, max_detections_per_class=5, max_total_detections=5)
    assert run([[0.9, 0.9], [0.8, 0.8]], settings, boxes)[0] == [(0, 0, 0.9), (0, 1, 0.9), (1, 0, 0.8), (1, 1, 0.8)]
    assert run([[0.9], [0.8]], settings._replace(iou_threshold=0.49), boxes)[0] == [(0, 0, 0.9)]


def test_limits_and_score_threshold():
    scores = [[0.9, 0.5], [0.1, 0.1], [0.7, 0.6], [0.0, 0.0]]
    settings = nms.Settings(max_detections_per_class=1, max_total_detections=2)
    assert run(scores, settings)[0] == [(0, 0, 0.9), (2, 1, 0.6)]
    assert run(scores, settings._replace(max_detections_per_class=2))[0] == [(0, 0, 0.9), (2, 0, 0.7)]
    assert run(scores, settings._replace(score_threshold=0.75))[0] == [(0, 0, 0.9)]
    assert run(scores, settings._replace(score_threshold=0.95))[0] == []


def test_a_box_outside_takes_its_place_in_the_class_and_is_dropped():
    settings = nms.Settings(max_detections_per_class=1, max_total_detections=3)
    assert run([[0.5, 0.4], [0.0, 0.0], [0.0, 0.0], [0.9, 0.0]], settings)[0] == [(0, 1, 0.4)]


def test_ties_go_by_class_then_anchor():
    settings = nms.Settings(iou_threshold=0.9, max_detections_per_class=5, max_total_detections=6)
    found, _ = run([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], settings)
    assert [row[:2] for row in found] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def test_windows_clip_and_give_the_frame():
    settings = nms.Settings(max_detections_per_class=5, max_total_detections=2)
    window = tf.constant([[0.0, 0.25, 0.5, 0.75]])
    _, found = run([[0.9], [0.0], [0.8], [0.0]], settings, windows=window)
    np.testing.assert_allclose(found.boxes[0], [[0, 0, 1, 0.5], [0, 0, 0, 0]])
    _, found = run([[0.9], [0.0], [0.8], [0.0]], settings._replace(change_coordinate_frame=False), windows=window)
    np.testing.assert_allclose(found.boxes[0], [[0, 0.25, 0.5, 0.5], [0, 0, 0, 0]])


def test_class_agnostic():
    settings = nms.Settings(max_detections_per_class=1, max_total_detections=3, use_class_agnostic_nms=True)
    found, _ = run([[0.6, 0.9], [0.95, 0.3], [0.7, 0.2], [0.5, 0.5]], settings)
    # Anchor 1 suppresses anchor 0 though their classes differ, and the limit per class does not apply.
    assert found == [(1, 0, 0.95), (2, 0, 0.7)]


def test_boxes_per_class():
    boxes = tf.concat([BOXES, BOXES[:, ::-1]], axis=2)
    settings = nms.Settings(max_detections_per_class=4, max_total_detections=4)
    found, everything = run([[0.9, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.8]], settings, boxes)
    assert found == [(0, 0, 0.9), (3, 1, 0.8)]
    np.testing.assert_array_equal(everything.boxes[0, 0], everything.boxes[0, 1])
    agnostic = settings._replace(use_class_agnostic_nms=True)
    assert run([[0.9, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.8]], agnostic, boxes)[0] == [(0, 0, 0.9)]


def test_padding_is_left_out():
    settings = nms.Settings(max_detections_per_class=4, max_total_detections=4)
    scores = [[0.2, 0.1], [0.0, 0.0], [0.9, 0.9], [0.9, 0.9]]
    assert run(scores, settings, num_valid=tf.constant([2]))[0] == [(0, 0, 0.2), (0, 1, 0.1)]
    assert run(scores, settings, num_valid=tf.constant([0]))[0] == []


def test_soft_suppression():
    settings = nms.Settings(
        max_detections_per_class=4, max_total_detections=4, soft_nms_sigma=0.5, score_threshold=0.01
    )
    found, _ = run([[0.9], [0.8], [0.7], [0.0]], settings)
    decayed = round(0.8 * math.exp(-(0.8**2)), 5)
    assert found == [(0, 0, 0.9), (2, 0, 0.7), (1, 0, pytest.approx(decayed, abs=2e-5))]


def random_case(seed, batch=2, anchors=400, classes=7, q=1):
    generator = np.random.default_rng(seed)
    low = generator.uniform(-0.2, 0.9, [batch, anchors, q, 2])
    boxes = np.concatenate([low, low + generator.uniform(0.0, 0.5, low.shape)], -1)
    # Few distinct scores, so that ties abound.
    scores = generator.integers(0, 64, [batch, anchors, classes]) / 64
    return tf.constant(boxes, tf.float32), tf.constant(scores, tf.float32)


@pytest.mark.parametrize("q", [1, 7])
@pytest.mark.parametrize(
    "settings",
    [
        nms.Settings(0.6, 0.0, 20, 20),
        nms.Settings(0.3, 0.9, 3, 50),
        nms.Settings(0.95, 0.5, 100, 100),
        # So few survivors, and so many candidates, that the quick way gives up.
        nms.Settings(0.0, 0.0, 30, 200),
    ],
)
def test_the_quick_way_gives_what_one_pass_per_class_gives(monkeypatch, settings, q):
    monkeypatch.setattr(nms, "_CANDIDATES", 300)
    boxes, scores = random_case(5, q=q)
    windows = tf.constant([[0.0, 0.0, 1.0, 1.0], [0.1, 0.0, 0.8, 1.0]])
    thorough = nms._finish(boxes, nms._per_class(boxes, scores, settings), settings, windows)
    for function in (nms.multiclass, tf.function(nms.multiclass)):
        for ours, expected in zip(function(boxes, scores, settings, windows), thorough, strict=True):
            np.testing.assert_array_equal(ours, expected)


def test_the_quick_way_is_taken_only_when_complete(monkeypatch):
    boxes, scores = random_case(1, batch=1)
    monkeypatch.setattr(nms, "_CANDIDATES", 300)

    def exhausted(**settings):
        return bool(nms._best_candidates(boxes, scores, nms.Settings(**settings))[1][0])

    assert not exhausted(max_detections_per_class=20, max_total_detections=20)
    assert exhausted(max_detections_per_class=20, max_total_detections=20, score_threshold=0.95)
    assert exhausted(max_detections_per_class=20, max_total_detections=1000)


def test_one_row_for_the_whole_size_unknown():
    signature = [tf.TensorSpec([None, None, 1, 4]), tf.TensorSpec([None, None, 3])]
    settings = nms.Settings(max_detections_per_class=10, max_total_detections=10)
    function = tf.function(lambda b, s: nms.multiclass(b, s, settings, UNIT), input_signature=signature)
    boxes, scores = random_case(2, anchors=4, classes=3)
    expected = nms.multiclass(boxes, scores, settings, UNIT)
    for ours, theirs in zip(function(boxes, scores), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert function(tf.zeros([0, 4, 1, 4]), tf.zeros([0, 4, 3])).boxes.shape == [0, 10, 4]


def test_a_frozen_graph_gives_the_same_in_a_session():
    settings = nms.Settings(max_detections_per_class=10, max_total_detections=10)
    signature = [tf.TensorSpec([None, 400, 1, 4]), tf.TensorSpec([None, 400, 7])]
    function = tf.function(lambda b, s: nms.multiclass(b, s, settings, UNIT), input_signature=signature)
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    boxes, scores = random_case(4)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(frozen.graph.as_graph_def(), name="")
        with tf.compat.v1.Session(graph=graph) as session:
            feed = {frozen.inputs[0].name: boxes.numpy(), frozen.inputs[1].name: scores.numpy()}
            found = session.run([output.name for output in frozen.outputs], feed)
    for ours, expected in zip(found, function(boxes, scores), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_proposals():
    boxes = BOXES[:, :, 0] * 100
    found = nms.proposals(
        boxes,
        tf.constant([[0.5, 0.6, 0.9, 0.95]]),
        max_proposals=3,
        iou_threshold=0.7,
        score_threshold=0.0,
        windows=tf.constant([[0.0, 0.0, 80.0, 100.0]]),
    )
    assert found.num.numpy().tolist() == [2]
    assert found.anchors.numpy().tolist() == [[2, 1, 0]]
    np.testing.assert_allclose(found.boxes, [[[60, 60, 80, 90], [0, 0, 50, 40], [0, 0, 0, 0]]], rtol=1e-6)
    assert not np.any(found.classes)


def test_by_message():
    settings = parts.fill(nms.Settings, protos.BatchNonMaxSuppression())
    assert settings == nms.Settings(iou_threshold=settings.iou_threshold)
    assert settings.iou_threshold == pytest.approx(0.6)
    fields = {
        "iou_threshold": 0.5,
        "score_threshold": 0.25,
        "max_detections_per_class": 7,
        "max_total_detections": 9,
        "use_class_agnostic_nms": True,
        "soft_nms_sigma": 0.5,
        "change_coordinate_frame": False,
        "use_cpu_nms": True,
    }
    config = protos.BatchNonMaxSuppression(**fields)
    assert parts.fill(nms.Settings, config) == nms.Settings(0.5, 0.25, 7, 9, True, 0.5, False)
    assert (
        parts.fill(nms.Settings, protos.BatchNonMaxSuppression(use_static_shapes=True, use_partitioned_nms=True))
        == settings
    )


def test_the_catalogue_refuses_mistakes_all_at_once():
    config = protos.BatchNonMaxSuppression(
        iou_threshold=1.5,
        max_detections_per_class=200,
        max_classes_per_detection=2,
        use_combined_nms=True,
        soft_nms_sigma=0.5,
        use_static_shapes=True,
    )
    with pytest.raises(UserError) as error:
        check.require(config, "batch_non_max_suppression")
    for part in (
        "iou_threshold is 1.5: it must be 0 to 1",
        "max_detections_per_class is 200: it must not be above max_total_detections, which is 100",
        "max_classes_per_detection is 2: it must be at most 1",
        "use_combined_nms is True: it clips",
        "use_static_shapes is True: it cannot be combined with soft_nms_sigma",
    ):
        assert part in str(error.value)


def test_score_converters():
    logits = tf.constant([[0.0, math.log(3)]])
    kinds = protos.PostProcessing.ScoreConverter

    def convert(kind, **fields):
        message = protos.PostProcessing(score_converter=kinds.Value(kind), **fields)
        return parts.fill(nms.score_converter, message)(logits)

    np.testing.assert_array_equal(convert("IDENTITY"), logits)
    np.testing.assert_allclose(convert("SIGMOID"), [[0.5, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(convert("SOFTMAX"), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(convert("SOFTMAX", logit_scale=0.5), [[0.1, 0.9]], rtol=1e-6)
    with pytest.raises(UserError, match="logit_scale"):
        check.require(protos.PostProcessing(logit_scale=0), "post_processing")

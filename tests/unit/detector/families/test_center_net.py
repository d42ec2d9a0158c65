"""The whole CenterNet on a small configuration; recorded cases are in tests/parity."""

import numpy as np
import pytest
import tensorflow as tf
from tests.unit.catalog.buildable import BUILDABLE

from boxwright.checkpoints import checkpoint_files, restore
from boxwright.core.errors import UserError
from boxwright.detector import inference
from boxwright.detector.build import build
from boxwright.detector.families.center_net import CENTER_LOSS, OFFSET_LOSS, SCALE_LOSS
from boxwright.detector.groundtruth import Groundtruth
from boxwright.pipeline import text
from boxwright.pipeline.overrides import apply

IMAGES = tf.random.stateless_uniform([2, 64, 64, 3], [0, 1], -1, 1)
SHAPES = tf.constant([[64, 64, 3], [40, 64, 3]])
CENTER, TASK = "model.center_net.object_center_params", "model.center_net.object_detection_task"


def built(**changes):
    """A narrow CenterNet of two classes."""
    config = text.parse(BUILDABLE["center_net"])
    loss = "classification_loss.penalty_reduced_logistic_focal_loss"
    usual = {"model.center_net.num_classes": 2, f"{CENTER}.{loss}.alpha": 2.0, f"{CENTER}.{loss}.beta": 4.0}
    apply(config, usual | {f"model.center_net.{name}": value for name, value in changes.items()})
    return build(config.model)


@pytest.fixture(scope="module")
def detector():
    return built()


def groundtruth(regions=None):
    """A box in the first image, none in the second; `regions` are the second's."""
    boxes, counts = [[(0.25, 0.25, 0.75, 0.5)], [(0.0, 0.0, 0.0, 0.0)]], [1, 0]
    if regions is not None:
        regions = tf.constant([np.zeros_like(regions), regions], tf.float32)
    parts = (tf.constant(boxes), tf.constant([[1], [0]]), tf.constant([[1.0], [0.0]]), tf.constant(counts))
    return Groundtruth(*parts, regions=regions)


def maps(center=-9.0, **cells):
    """Predictions of maps of 16 x 16 cells: logits `center`, and by `y<row>x<column>` a class with size and offset."""
    found = {
        "object_center_0": np.full((2, 16, 16, 2), center, np.float32),
        "box/scale_0": np.zeros((2, 16, 16, 2), np.float32),
        "box/offset_0": np.zeros((2, 16, 16, 2), np.float32),
    }
    for place, (label, logit, size, offset) in cells.items():
        row, column = map(int, place.removeprefix("y").split("x"))
        found["object_center_0"][:, row, column, label] = logit
        found["box/scale_0"][:, row, column], found["box/offset_0"][:, row, column] = size, offset
    return {**{name: tf.constant(value) for name, value in found.items()}, "true_image_shapes": SHAPES}


def first_alone(predictions):
    """The predictions with no object in the second image."""
    logits = predictions["object_center_0"].numpy()
    logits[1] = logits.min()
    return {**predictions, "object_center_0": tf.constant(logits)}


def test_every_head_predicts_for_cells_of_four_pixels(detector):
    found = detector.predict(IMAGES, SHAPES)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "object_center_0": (2, 16, 16, 2),
        "box/scale_0": (2, 16, 16, 2),
        "box/offset_0": (2, 16, 16, 2),
        "true_image_shapes": (2, 3),
    }
    assert detector.predict(IMAGES)["true_image_shapes"].numpy().tolist() == [[64, 64, 3]] * 2
    # Scores start near 0.1, so that the many cells without an object cost little.
    assert 0.05 < float(tf.reduce_mean(tf.sigmoid(found["object_center_0"]))) < 0.2


def test_what_the_losses_ask_for_has_none(detector):
    truth = groundtruth()
    wanted = detector.targets(maps(), truth)
    assert wanted.cells.numpy()[0, 0].tolist() == [8, 6]
    right = first_alone(maps(y8x6=(1, 20.0, (8.0, 4.0), (0.0, 0.0)), center=-20.0))
    losses = {name: float(value) for name, value in detector.losses(right, truth).items()}
    assert losses.keys() == {CENTER_LOSS, SCALE_LOSS, OFFSET_LOSS}
    assert losses[SCALE_LOSS] == losses[OFFSET_LOSS] == 0 and losses[CENTER_LOSS] < 1e-6
    wrong = first_alone(maps(y8x6=(1, 20.0, (7.0, 4.0), (0.25, -0.5)), center=-20.0))
    losses = {name: float(value) for name, value in detector.losses(wrong, truth).items()}
    assert losses[SCALE_LOSS] == pytest.approx(0.1) and losses[OFFSET_LOSS] == pytest.approx(0.75)


def test_weights_of_the_losses():
    names = ("task_loss_weight", "scale_loss_weight", "offset_loss_weight")
    changes = {f"object_detection_task.{name}": weight for name, weight in zip(names, (2.0, 0.3, 0.5), strict=True)}
    other = built(**changes, **{"object_center_params.object_center_loss_weight": 3.0})
    usual, found = (one.losses(maps(y8x6=(0, 1.0, (1, 1), (1, 1))), groundtruth()) for one in (built(), other))
    for tag, factor in ((CENTER_LOSS, 3.0), (SCALE_LOSS, 6.0), (OFFSET_LOSS, 1.0)):
        assert float(found[tag]) == pytest.approx(factor * float(usual[tag]), rel=1e-5)


@pytest.mark.parametrize(("row", "counts"), [(9, True), (10, False)])
def test_the_padding_has_no_loss_of_centres(detector, row, counts):
    """The second image has 40 rows of pixels, so 10 of cells."""
    quiet, loud = maps(), maps()
    logits = loud["object_center_0"].numpy()
    logits[1, row, 3, 0] = 9.0
    loud["object_center_0"] = tf.constant(logits)
    losses = [float(detector.losses(each, groundtruth())[CENTER_LOSS]) for each in (quiet, loud)]
    assert (losses[1] > losses[0] + 1) == counts and (losses[1] == losses[0]) != counts


def test_an_ignore_region_has_no_loss_of_centres(detector):
    logits = maps()["object_center_0"].numpy()
    logits[1, 2:4, 8:12, 0] = 9.0
    loud = {**maps(), "object_center_0": tf.constant(logits)}
    region = [(8 / 40, 0.5, 16 / 40, 0.75), (0, 0, 0, 0)]
    quiet, ignored, told = (
        float(detector.losses(each, groundtruth(regions))[CENTER_LOSS])
        for each, regions in ((maps(), None), (loud, region), (loud, None))
    )
    assert told > ignored + 1 and ignored == pytest.approx(quiet, rel=0.01)
    empty = detector.losses(loud, groundtruth(np.zeros((0, 4))))
    assert float(empty[CENTER_LOSS]) == told


def test_detections_of_peaks(detector):
    found = detector.postprocess(maps(y8x6=(1, 3.0, (8.0, 4.0), (0.0, 0.5)), y2x2=(0, 1.0, (2.0, 2.0), (0, 0))), SHAPES)
    np.testing.assert_allclose(
        found["detection_boxes"][0, :2], [(0.25, 0.28125, 0.75, 0.53125), (1 / 16,) * 2 + (3 / 16,) * 2]
    )
    # The second image ends at row 40, where its boxes end too.
    np.testing.assert_allclose(found["detection_boxes"][1, 0], (16 / 40, 0.28125, 1.0, 0.53125))
    np.testing.assert_allclose(found["detection_scores"][0, :2], tf.sigmoid([3.0, 1.0]))
    assert found["detection_classes"][0, :2].numpy().tolist() == [1.0, 0.0]
    assert found["detection_multiclass_scores"].shape == (2, 100, 2)
    assert all(value.dtype == tf.float32 for value in found.values())


def test_overlapping_detections_stay_unless_suppression_is_set():
    peaks = maps(y8x6=(1, 3.0, (8.0, 8.0), (0, 0)), y8x8=(1, 2.0, (8.0, 8.0), (0, -2.0)), y2x2=(1, 1.0, (2, 2), (0, 0)))
    both = built().postprocess(peaks, SHAPES)["detection_scores"][0].numpy()
    assert (both > 0.5).sum() == 3
    nms = "post_processing.batch_non_max_suppression"
    some = {f"{nms}.iou_threshold": 0.5, f"{nms}.max_detections_per_class": 5, f"{nms}.max_total_detections": 6}
    found = built(**some, **{f"{nms}.score_threshold": 0.5}).postprocess(peaks, SHAPES)
    assert found["num_detections"].numpy()[0] == 2 and found["detection_boxes"].shape == (2, 6, 4)
    np.testing.assert_allclose(found["detection_scores"][0], [*tf.sigmoid([3.0, 1.0]), 0, 0, 0, 0], rtol=1e-6)


def test_suppression_sees_each_peak_in_its_own_class_alone():
    """The first cell is a peak of the second class; that its first class scores high too makes no detection."""
    peaks = maps(y8x6=(1, 3.0, (8.0, 8.0), (0, 0)), y2x2=(0, 1.0, (2, 2), (0, 0)))
    logits = peaks["object_center_0"].numpy()
    logits[:, 8, 6:8, 0] = 2.0, 2.5  # not a peak: its neighbour is higher
    peaks["object_center_0"] = tf.constant(logits)
    nms = "post_processing.batch_non_max_suppression"
    limits = {f"{nms}.max_detections_per_class": 6, f"{nms}.max_total_detections": 6, f"{nms}.score_threshold": 0.5}
    for agnostic in (False, True):
        found = built(**limits, **{f"{nms}.use_class_agnostic_nms": agnostic}).postprocess(peaks, SHAPES)
        # The neighbour has no size, so it is no box.
        assert found["num_detections"].numpy()[0] == 2
        assert found["detection_classes"][0, :2].numpy().tolist() == [1.0, 0.0]
        np.testing.assert_allclose(found["detection_scores"][0, :2], tf.sigmoid([3.0, 1.0]), rtol=1e-6)
        # What is told of all classes is told of the cell as it was.
        np.testing.assert_allclose(found["detection_multiclass_scores"][0, 0], tf.sigmoid([2.0, 3.0]), rtol=1e-6)


def test_heads_of_several_convolutions(detector):
    head = "object_center_params.center_head_params"
    other = built(**{f"{head}.num_filters": [8, 6], f"{head}.kernel_sizes": [3, 1], "use_depthwise": True})
    shapes = {name: tuple(variable.shape) for name, variable in other.variables.items()}
    assert shapes["PredictionHeads/object_center/0/conv_1/pointwise_weights"] == (1, 1, 8, 6)
    assert shapes["PredictionHeads/object_center/0/conv_2/weights"] == (1, 1, 6, 2)
    assert shapes["PredictionHeads/box/scale/0/conv_0/pointwise_weights"][-1] == 256
    keys = other.object_graph_keys()
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    last = "PredictionHeads/object_center/0/conv_2/weights"
    assert keys[last] == f"model/_prediction_head_dict/object_center/0/layer_with_weights-2/kernel{suffix}"
    assert other.predict(IMAGES)["object_center_0"].shape == (2, 16, 16, 2)


def test_pixels_are_normalised_as_the_message_says():
    extractor = "feature_extractor"
    other = built(
        **{
            f"{extractor}.channel_means": [1.0, 2.0, 3.0],
            f"{extractor}.channel_stds": [2.0, 4.0, 5.0],
            f"{extractor}.bgr_ordering": True,
        }
    )
    image = np.full((64, 64, 3), (10, 20, 30), np.uint8)
    expected = (np.array([30, 20, 10]) - [1, 2, 3]) / [2, 4, 5] / 127.5 - 1
    np.testing.assert_allclose(other.preprocess(image)[0][5, 5], expected, atol=1e-6)
    np.testing.assert_allclose(other.padding_value, np.array([-1, -2, -3]) / [2, 4, 5] / 127.5 - 1, atol=1e-6)


def test_other_sides_than_multiples_are_told(detector):
    with pytest.raises(UserError, match="multiples of 32"):
        detector.predict(tf.zeros([1, 64, 72, 3]))


@pytest.mark.parametrize("task", ["mask_estimation_task", "densepose_estimation_task", "track_estimation_task"])
def test_what_is_not_a_box_is_refused(task):
    config = text.parse(BUILDABLE["center_net"])
    getattr(config.model.center_net, task).SetInParent()
    with pytest.raises(UserError, match=rf"center_net\.{task}: the engine finds boxes alone"):
        build(config.model)


def test_keypoints_are_refused():
    config = text.parse(BUILDABLE["center_net"])
    config.model.center_net.keypoint_estimation_task.add()
    with pytest.raises(UserError, match=r"keypoint_estimation_task\.0: the engine finds boxes alone"):
        build(config.model)


@pytest.mark.parametrize("kind", ["classification", "detection", "fine_tune", "full"])
def test_what_each_kind_of_checkpoint_restores(detector, tmp_path, kind):
    """A classifier fills the backbone, a detector the neck too, and the heads only if all is asked for."""
    keys = detector.object_graph_keys()
    assert keys.keys() == detector.variables.keys() and len(set(keys.values())) == len(keys)
    backbone = "model/_feature_extractor/_base_model/"
    values = {keys[name]: variable.numpy() + 1 for name, variable in detector.variables.items()}
    if kind == "classification":
        values = {
            key.replace(backbone, "feature_extractor/"): value for key, value in values.items() if backbone in key
        }
    checkpoint_files.write(tmp_path / kind, values | {checkpoint_files.OBJECT_GRAPH: np.float32(0)})
    report = restore.restore(built(), tmp_path / kind, checkpoint_type=kind)
    heads = {name for name in keys if name.startswith("PredictionHeads/")}
    neck = {name for name in keys if "/top_down/" in name}
    left = {"classification": heads | neck, "full": set()}.get(kind, heads)
    assert heads and neck and set(report.restored) == keys.keys() - left


def test_the_export_gives_a_fixed_number_of_detections(detector):
    found = inference.on_images(detector, tf.zeros([1, 50, 70, 3], tf.uint8))
    assert found["detection_boxes"].shape == (1, 100, 4)
    assert set(np.unique(found["detection_classes"])) <= {1.0, 2.0}

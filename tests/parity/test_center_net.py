"""CenterNet gives the OD API's numbers: all that compare.py checks, for every recorded case; a wrong engine fails."""

import compare
import compare_center_net
import pytest
import tensorflow as tf
from bars import bars_of
from golden_case import Case, by_inference, loss_checks
from marks import LARGE

from boxwright.boxes import centers
from boxwright.boxes.losses import penalty_reduced_logistic_focal_loss
from boxwright.detector.families import center_net

CASE = "tf2_centernet_mobilenet_v2_fpn"
OTHERS = ("tf2_centernet_resnet50_v2", "tf2_centernet_resnet50_v1_fpn", "tf2_centernet_hourglass104")


@pytest.mark.parametrize("case", [CASE, *(pytest.param(case, marks=LARGE) for case in OTHERS)])
def test_recorded_case(shared, case):
    checks = list(compare.checks(shared / "parity" / case))
    assert len(checks) > 40
    assert not [str(check) for check in checks if not check.passed]


# Mutations of the engine, each with a part of the checks that must fail.


def radius(monkeypatch):
    """Bells are a cell wider."""
    right = centers.radius
    monkeypatch.setattr(centers, "radius", lambda *arguments: right(*arguments) + 1)
    return "tgt_center_heatmap"


def offsets(monkeypatch):
    """Offsets are from the centre of a cell."""
    right = centers.targets

    def wrong(*arguments, **more):
        found = right(*arguments, **more)
        return found._replace(offsets=found.offsets - 0.5)

    monkeypatch.setattr(centers, "targets", wrong)
    return "tgt_box_offset"


def loss_of_offsets(monkeypatch):
    """One percent more weight on the loss of offsets."""
    right = center_net.CenterNet.losses

    def wrong(self, *arguments):
        found = right(self, *arguments)
        return found | {center_net.OFFSET_LOSS: 1.01 * found[center_net.OFFSET_LOSS]}

    monkeypatch.setattr(center_net.CenterNet, "losses", wrong)
    return "Loss/box/offset"


def reduction(monkeypatch):
    """The loss of a cell near a centre is reduced by a little more."""
    right = penalty_reduced_logistic_focal_loss.penalty_reduced_focal

    def wrong(*arguments, alpha, beta):
        return right(*arguments, alpha=alpha, beta=1.01 * beta)

    monkeypatch.setattr(penalty_reduced_logistic_focal_loss, "penalty_reduced_focal", wrong)
    return "Loss/object_center"


def padding(monkeypatch):
    """The padding has a loss of centres too."""
    monkeypatch.setattr(center_net, "_within", lambda maps, sides: tf.ones_like(maps[..., :1]))
    return "Loss/object_center"


def decoding(monkeypatch):
    """Boxes are a thousandth larger."""
    right = centers.boxes_at
    monkeypatch.setattr(
        centers, "boxes_at", lambda cells, sizes, *more: right(cells, tf.cast(1.001, sizes.dtype) * sizes, *more)
    )
    return "detection_boxes"


def neighbourhood(monkeypatch):
    """Every cell is a peak."""
    right = centers.peaks
    monkeypatch.setattr(centers, "peaks", lambda heatmap, **more: right(heatmap, **(more | {"neighbourhood": 1})))
    return "detection_classes"


@pytest.fixture(scope="module")
def recorded(shared):
    """The case, and what its network predicts, so that the mutations need not run it again."""
    case = Case(shared / "parity" / CASE)
    (run,) = case.runs()
    ((entry, arrays),) = [(entry, arrays) for _, entry, arrays in case.losses() if by_inference(entry)]
    return case, run, entry, arrays


def failing(recorded):
    """The names of the checks that fail, with recorded predictions in place of the network's."""
    case, run, entry, arrays = recorded
    bars, (detector, _) = bars_of(case), case.detector()

    def predicted(outputs, shapes):
        maps = {key.removeprefix("pred_"): tf.constant(outputs[key]) for key in outputs if key.startswith("pred_")}
        return {**maps, "true_image_shapes": shapes}

    shapes = tf.constant(run.outputs["true_image_shapes"])
    detections = detector.postprocess(predicted(run.outputs, shapes), shapes)
    images, shapes = case.batch(detector, entry)
    truth, predictions = case.groundtruth(entry, images, shapes), predicted(arrays, shapes)
    checks = [
        *compare_center_net.detection_checks(bars, detections, run.outputs),
        *loss_checks(detector.losses(predictions, truth), 0.0, entry, bars.losses_of_inference, bars.penalty),
        *compare_center_net.target_checks(detector.targets(predictions, truth), truth.num_boxes.numpy(), arrays),
    ]
    assert len(checks) > 12
    return [check.name for check in checks if not check.passed]


def test_the_engine_as_it_is_does_not_fail(recorded):
    assert failing(recorded) == []


@pytest.mark.parametrize(
    "mutate",
    [radius, offsets, loss_of_offsets, reduction, padding, decoding, neighbourhood],
    ids=lambda mutate: mutate.__name__,
)
def test_a_wrong_engine_fails(recorded, monkeypatch, mutate):
    assert mutate(monkeypatch) in failing(recorded)

import math

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes.losses.bootstrapped_sigmoid import bootstrapped
from boxwright.boxes.losses.cross_entropy import sigmoid, softmax
from boxwright.boxes.losses.l1_localization_loss import l1
from boxwright.boxes.losses.weighted_giou import giou_loss
from boxwright.boxes.losses.weighted_iou import iou_loss
from boxwright.boxes.losses.weighted_l2 import l2
from boxwright.boxes.losses.weighted_logits_softmax import softmax_against_logits
from boxwright.boxes.losses.weighted_sigmoid_focal import sigmoid_focal, sigmoid_focal_of_anchors
from boxwright.boxes.losses.weighted_smooth_l1 import smooth_l1
from boxwright.core.errors import UserError
from boxwright.pipeline import parts

LOGITS = tf.constant([[[0.0, math.log(3)], [-math.log(3), 0.0]]])
TARGETS = tf.constant([[[0.0, 1.0], [1.0, 0.0]]])
# Sigmoid probabilities of LOGITS: 1/2, 3/4, 1/4, 1/2; so p_t is 1/2, 3/4, 1/4, 1/2.
P_T = np.array([[[0.5, 0.75], [0.25, 0.5]]])


def test_sigmoid():
    weights = tf.constant([[1.0, 2.0]])
    expected = -np.log(P_T) * [[[1], [2]]]
    np.testing.assert_allclose(sigmoid(LOGITS, TARGETS, weights), expected, rtol=1e-6)
    np.testing.assert_allclose(sigmoid(LOGITS, TARGETS, weights[..., None]), expected, rtol=1e-6)
    per_column = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
    np.testing.assert_allclose(sigmoid(LOGITS, TARGETS, per_column), -np.log(P_T) * per_column, rtol=1e-6)


def test_sigmoid_focal():
    weights = tf.ones([1, 2])
    cross = -np.log(P_T)
    np.testing.assert_allclose(sigmoid_focal(LOGITS, TARGETS, weights), (1 - P_T) ** 2 * cross, rtol=1e-5)
    np.testing.assert_allclose(sigmoid_focal(LOGITS, TARGETS, weights, gamma=0.0), cross, rtol=1e-6)
    alpha = np.where(TARGETS == 1, 0.25, 0.75)
    weighed = sigmoid_focal(LOGITS, TARGETS, weights * 3, gamma=1.0, alpha=0.25)
    np.testing.assert_allclose(weighed, 3 * alpha * (1 - P_T) * cross, rtol=1e-5)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (1.5, 0.4), (0.0, None), (3.0, None)])
def test_the_gradient_of_sigmoid_focal_is_that_of_its_definition(gamma, alpha):
    random = np.random.default_rng(0)
    logits = tf.constant(random.normal(0, 4, (2, 5, 3)), tf.float32)
    targets = tf.constant(random.integers(0, 2, (2, 5, 3)), tf.float32)
    weights = tf.constant(random.uniform(0, 2, (2, 5)), tf.float32)

    def defined(logits):
        p = tf.sigmoid(tf.cast(logits, tf.float64))
        t = tf.cast(targets, tf.float64)
        p_t = t * p + (1 - t) * (1 - p)
        alpha_t = 1.0 if alpha is None else t * alpha + (1 - t) * (1 - alpha)
        return -alpha_t * (1 - p_t) ** gamma * tf.math.log(p_t) * tf.cast(weights, tf.float64)[..., None]

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ours, wanted = sigmoid_focal(logits, targets, weights, gamma, alpha), defined(logits)
        halves = tf.reduce_sum(ours * 0.5), tf.reduce_sum(wanted * 0.5)
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(*(tape.gradient(half, logits) for half in halves), rtol=1e-4, atol=1e-6)


def exact_focal(logits, targets, weights, gamma, alpha):
    """The loss [A] and its gradient [A, K] by the definition, in float64; targets are 0 or 1."""
    logits, targets, weights = (tf.cast(x, tf.float64) for x in (logits, targets, weights))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        z = tf.where(targets == 1, -logits, logits)
        # log(1 - p_t) is -softplus(-z), also where 1 - p_t is too small to be written.
        loss = tf.exp(-gamma * tf.math.softplus(-z)) * tf.math.softplus(z) * weights[:, None]
        if alpha is not None:
            loss *= tf.where(targets == 1, np.float64(alpha), np.float64(1 - alpha))
        loss = tf.reduce_sum(loss, axis=-1)
    return loss, tape.gradient(loss, logits)


@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("positives", [[0, 0, 0, 0], [0, 1, 3, 7], [7, 1, 2, 2]], ids=["none", "few", "most"])
def test_sigmoid_focal_of_anchors(gamma, alpha, positives):
    """Rows with several objects and without, logits at both ends, few and many rows that differ from background."""
    random = np.random.default_rng(0)
    spread = 4.0 if positives[0] else 1.5
    logits = random.normal(-4, spread, (2, 40, 7)).astype(np.float32)
    logits[0, :2] = [[100, -100, 0, 4, 4.01, 15, 30], [-100, -30, -15, -10, -6, 3.99, -0.0]]
    targets = np.zeros((2, 40, 7), np.float32)
    for row, count in enumerate(np.tile(positives, 20 if positives[0] else 2)):
        targets.reshape(-1, 7)[row, :count] = 1
    weights = random.uniform(0, 2, (2, 40)).astype(np.float32)
    weights[1, 3] = 0
    targets, weights = tf.constant(targets), tf.constant(weights)

    @tf.function
    def ours(logits):
        loss = sigmoid_focal_of_anchors(logits, targets, weights, gamma, alpha)
        return loss, tf.gradients(tf.reduce_sum(loss * 0.5), logits)[0]

    flat = tf.reshape(logits, [-1, 7]), tf.reshape(targets, [-1, 7]), tf.reshape(weights, [-1])
    wanted, gradient = exact_focal(*flat, gamma, alpha)
    for found in (ours(tf.constant(logits)), ours(tf.constant(logits))):
        np.testing.assert_allclose(tf.reshape(found[0], [-1]), wanted, rtol=3e-6)
        np.testing.assert_allclose(tf.reshape(found[1], [-1, 7]), gradient * 0.5, rtol=1e-5, atol=1e-30)


def test_sigmoid_focal_of_anchors_takes_any_targets_and_weights():
    random = np.random.default_rng(0)
    logits = tf.constant(random.normal(-2, 2, (2, 30, 4)), tf.float32)
    targets = np.zeros((2, 30, 4), np.float32)
    targets[1, 4] = [0.25, 0, 1, 0.5]
    for shape in ((2, 30), (2, 30, 1), (2, 30, 4)):
        weights = tf.constant(random.uniform(0, 2, shape), tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            ours = sigmoid_focal_of_anchors(logits, targets, weights, 1.5, 0.25)
            wanted = tf.reduce_sum(sigmoid_focal(logits, targets, weights, 1.5, 0.25), axis=-1)
        np.testing.assert_allclose(ours, wanted, rtol=1e-5)
        np.testing.assert_allclose(*(tape.gradient(x, logits) for x in (ours, wanted)), rtol=1e-5, atol=1e-12)


def test_what_is_not_a_number_stays_so():
    """The training stops at it; it must not be taken for background."""
    logits = tf.constant([[[float("nan"), -1.0]] + [[-1.0, -1.0]] * 9])
    loss = sigmoid_focal_of_anchors(logits, tf.zeros([1, 10, 2]), tf.ones([1, 10])).numpy()
    assert np.isnan(loss[0]).tolist() == [True] + [False] * 9


def test_softmax():
    # Softmax of (0, ln 3) is (1/4, 3/4); of (-ln 3, 0) too, and there the target is the first column.
    weights = tf.constant([[[1.0], [2.0]]])
    loss = softmax(LOGITS, TARGETS, weights)
    np.testing.assert_allclose(loss, [[-math.log(0.75), -2 * math.log(0.25)]], rtol=1e-6)
    mean_weight = softmax(LOGITS, TARGETS, tf.constant([[[1.0, 0.0], [2.0, 2.0]]]))
    np.testing.assert_allclose(mean_weight, [[-0.5 * math.log(0.75), -2 * math.log(0.25)]], rtol=1e-6)
    scaled = softmax(LOGITS * 2, TARGETS, weights, logit_scale=2.0)
    np.testing.assert_allclose(scaled, loss, rtol=1e-6)


def test_softmax_against_logits():
    targets = tf.constant([[[0.0, math.log(3)], [0.0, 0.0]]])
    loss = softmax_against_logits(LOGITS, targets, tf.ones([1, 2]))
    log_quarter, log_three_quarters = math.log(0.25), math.log(0.75)
    expected = [[-0.25 * log_quarter - 0.75 * log_three_quarters, -0.5 * log_quarter - 0.5 * log_three_quarters]]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_bootstrapped_sigmoid():
    soft = bootstrapped(LOGITS, TARGETS, tf.ones([1, 2]), alpha=0.5)
    # Second entry: target 0.5 * 1 + 0.5 * 0.75.
    assert float(soft[0, 0, 1]) == pytest.approx(-0.875 * math.log(0.75) - 0.125 * math.log(0.25), rel=1e-6)
    hard = bootstrapped(LOGITS, TARGETS, tf.ones([1, 2]), alpha=0.5, hard=True)
    assert float(hard[0, 0, 1]) == pytest.approx(-math.log(0.75), rel=1e-6)
    # Third: target 1, believed 0.25, which is 0 when hard.
    assert float(hard[0, 1, 0]) == pytest.approx(-0.5 * math.log(0.25) - 0.5 * math.log(0.75), rel=1e-6)


CODES = tf.constant([[[0.0, 0.5, 1.0, -3.0]]])
ZEROS = tf.zeros([1, 1, 4])
WEIGHT = tf.constant([[2.0]])


def test_smooth_l1():
    assert smooth_l1(CODES, ZEROS, WEIGHT).numpy().tolist() == [[2 * (0.125 + 0.5 + 2.5)]]
    assert smooth_l1(CODES, ZEROS, WEIGHT, delta=2.0).numpy().tolist() == [[2 * (0.125 + 0.5 + 4)]]


def test_l2_and_l1():
    # The weight is within the square.
    assert l2(CODES, ZEROS, WEIGHT).numpy().tolist() == [[0.5 * 4 * (0.25 + 1 + 9)]]
    assert l1(CODES, ZEROS, WEIGHT).numpy().tolist() == [[2 * 4.5]]


def test_losses_on_boxes():
    boxes = tf.constant([[[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]]])
    others = tf.constant([[[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 1.0, 1.0]]])
    weights = tf.constant([[7.0, 1.0]])
    np.testing.assert_allclose(iou_loss(boxes, others, weights), [[6, 0]], atol=1e-6)
    np.testing.assert_allclose(giou_loss(boxes, others, weights), [[7 * (6 / 7 + 2 / 9), 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"weighted_sigmoid": {}}, sigmoid(LOGITS, TARGETS, WEIGHT)),
        ({"weighted_softmax": {"logit_scale": 2}}, softmax(LOGITS, TARGETS, WEIGHT, 2.0)),
        (
            {"weighted_logits_softmax": {"logit_scale": 2}},
            softmax_against_logits(LOGITS, TARGETS, WEIGHT, 2.0),
        ),
        ({"weighted_sigmoid_focal": {"gamma": 3}}, sigmoid_focal_of_anchors(LOGITS, TARGETS, WEIGHT, 3.0)),
        (
            {"weighted_sigmoid_focal": {"alpha": 0.25}},
            sigmoid_focal_of_anchors(LOGITS, TARGETS, WEIGHT, 2.0, 0.25),
        ),
        (
            {"bootstrapped_sigmoid": {"alpha": 0.5, "hard_bootstrap": True}},
            bootstrapped(LOGITS, TARGETS, WEIGHT, 0.5, True),
        ),
    ],
)
def test_classification_by_message(fields, expected):
    function = parts.make(protos.ClassificationLoss(**fields))
    np.testing.assert_array_equal(function(LOGITS, TARGETS, WEIGHT), expected)


def test_classification_default_and_mistakes():
    empty = protos.ClassificationLoss()
    function = parts.make(empty, default="weighted_softmax")
    np.testing.assert_array_equal(function(LOGITS, TARGETS, WEIGHT), softmax(LOGITS, TARGETS, WEIGHT))
    with pytest.raises(UserError, match="loss is not set"):
        parts.make(empty)
    with pytest.raises(UserError, match="weighted_dice_classification_loss is not supported"):
        parts.make(protos.ClassificationLoss(weighted_dice_classification_loss={}))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"weighted_smooth_l1": {"delta": 2}}, smooth_l1(CODES, ZEROS, WEIGHT, 2.0)),
        ({"weighted_l2": {}}, l2(CODES, ZEROS, WEIGHT)),
        ({"l1_localization_loss": {}}, l1(CODES, ZEROS, WEIGHT)),
        ({"weighted_iou": {}}, iou_loss(CODES, ZEROS, WEIGHT)),
        ({"weighted_giou": {}}, giou_loss(CODES, ZEROS, WEIGHT)),
    ],
)
def test_localization_by_message(fields, expected):
    function = parts.make(protos.LocalizationLoss(**fields))
    np.testing.assert_array_equal(function(CODES, ZEROS, WEIGHT), expected)
    assert function.on_boxes == (next(iter(fields)) in ("weighted_iou", "weighted_giou"))


def test_localization_mistake():
    with pytest.raises(UserError, match="loss is not set"):
        parts.make(protos.LocalizationLoss())

import math

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import geometry, matcher, targets
from boxwright.core.errors import UserError

ANCHORS = tf.constant([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.25, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0]])
BOXES = tf.constant([[[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 0.75], [0.0, 0.0, 0.0, 0.0]]])
LABELS = tf.constant([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])
WEIGHTS = tf.constant([[1.0, 0.5, 0.0]])
BACKGROUND = [1.0, 0.0, 0.0]


def assign(**changes):
    arguments = {"settings": matcher.Matcher(0.6, 0.4), "background": BACKGROUND, **changes}
    return targets.assign(ANCHORS, BOXES, LABELS, WEIGHTS, tf.constant([2]), **arguments)


def test_every_kind_of_anchor():
    # IoU with the first box: 1, 1/2; with the second: 1/2 for the third anchor; the fourth touches nothing.
    ours = assign()
    assert ours.match.numpy().tolist() == [[0, -2, -2, -1]]
    assert ours.class_targets.numpy().tolist() == [[[0, 1, 0], BACKGROUND, BACKGROUND, BACKGROUND]]
    assert ours.class_weights.numpy().tolist() == [[1, 0, 0, 1]]
    assert ours.box_weights.numpy().tolist() == [[1, 0, 0, 0]]
    np.testing.assert_allclose(ours.box_targets, np.zeros([1, 4, 4]), atol=1e-6)


def test_codes_and_weights_of_a_forced_match():
    ours = assign(settings=matcher.Matcher(0.6, 0.4, force_match=True), negative_class_weight=0.25)
    assert ours.match.numpy().tolist() == [[0, -2, 1, -1]]
    assert ours.class_weights.numpy().tolist() == [[1, 0, 0.5, 0.25]]
    assert ours.box_weights.numpy().tolist() == [[1, 0, 0.5, 0]]
    # Half as wide as its anchor, its center a quarter of the anchor's width to the left.
    np.testing.assert_allclose(ours.box_targets[0, 2], [0, -2.5, 0, 5 * math.log(0.5)], atol=1e-5)
    assert ours.class_targets[0, 2].numpy().tolist() == [0, 0, 1]


def test_images_without_boxes():
    none = targets.assign(
        ANCHORS,
        tf.zeros([2, 0, 4]),
        tf.zeros([2, 0, 3]),
        tf.zeros([2, 0]),
        tf.constant([0, 0]),
        settings=matcher.Matcher(force_match=True),
        background=BACKGROUND,
    )
    assert none.match.numpy().tolist() == [[-1] * 4] * 2
    assert none.class_targets.numpy().tolist() == [[BACKGROUND] * 4] * 2
    assert none.class_weights.numpy().tolist() == [[1] * 4] * 2
    assert float(tf.reduce_sum(tf.abs(none.box_targets)) + tf.reduce_sum(none.box_weights)) == 0


def test_anchors_of_each_image():
    batch = [tf.repeat(values, 2, axis=0) for values in (BOXES, LABELS, WEIGHTS)]
    anchors = tf.stack([ANCHORS, ANCHORS[::-1]])
    settings = matcher.Matcher(0.4, 0.4)
    ours = targets.assign(anchors, *batch, tf.constant([2, 2]), settings=settings, background=BACKGROUND)
    assert ours.match.numpy().tolist() == [[0, 0, 1, -1], [-1, 1, 0, 0]]


def test_similarities():
    def of(name):
        return targets.similarity_from_config(protos.RegionSimilarityCalculator(**{name: {}}))

    boxes = BOXES[:, :2]
    np.testing.assert_array_equal(of("iou_similarity")(boxes, ANCHORS), geometry.iou(boxes, ANCHORS))
    assert of("ioa_similarity")(boxes, ANCHORS)[0, 0].numpy().tolist() == [1, 1, 0, 0]
    assert of("neg_sq_dist_similarity")(boxes, ANCHORS)[0, 0].numpy().tolist() == [0, -0.0625, -1, -0.5]
    overlaps = geometry.iou(boxes, ANCHORS).numpy()
    np.testing.assert_array_equal(of("thresholded_iou_similarity")(boxes, ANCHORS), overlaps > 0.5)
    assert set(of("thresholded_iou_similarity")(boxes, ANCHORS).numpy().ravel()) == {0, 1}
    with pytest.raises(UserError, match="nothing"):
        targets.similarity_from_config(protos.RegionSimilarityCalculator())

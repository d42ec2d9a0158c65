import math

import numpy as np
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import geometry, similarity, targets
from boxwright.boxes.coders.faster_rcnn_box_coder import FasterRcnnBoxCoder
from boxwright.boxes.matchers.argmax_matcher import ArgmaxMatcher

ANCHORS = tf.constant([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.25, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0]])
BOXES = tf.constant([[[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 0.75], [0.0, 0.0, 0.0, 0.0]]])
LABELS = tf.constant([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])
WEIGHTS = tf.constant([[1.0, 0.5, 0.0]])
BACKGROUND = [1.0, 0.0, 0.0]
CODER = FasterRcnnBoxCoder()


def assign(**changes):
    arguments = {"matcher": ArgmaxMatcher(0.6, 0.4), "box_coder": CODER, "background": BACKGROUND, **changes}
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
    ours = assign(matcher=ArgmaxMatcher(0.6, 0.4, force_match_for_each_row=True), negative_class_weight=0.25)
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
        matcher=ArgmaxMatcher(force_match_for_each_row=True),
        box_coder=CODER,
        background=BACKGROUND,
    )
    assert none.match.numpy().tolist() == [[-1] * 4] * 2
    assert none.class_targets.numpy().tolist() == [[BACKGROUND] * 4] * 2
    assert none.class_weights.numpy().tolist() == [[1] * 4] * 2
    assert float(tf.reduce_sum(tf.abs(none.box_targets)) + tf.reduce_sum(none.box_weights)) == 0


def test_anchors_of_each_image():
    batch = [tf.repeat(values, 2, axis=0) for values in (BOXES, LABELS, WEIGHTS)]
    anchors = tf.stack([ANCHORS, ANCHORS[::-1]])
    chosen = {"matcher": ArgmaxMatcher(0.4, 0.4), "box_coder": CODER, "background": BACKGROUND}
    ours = targets.assign(anchors, *batch, tf.constant([2, 2]), **chosen)
    assert ours.match.numpy().tolist() == [[0, 0, 1, -1], [-1, 1, 0, 0]]


def regions_of(*boxes):
    return tf.constant([boxes], tf.float32)


def test_background_on_an_ignore_region_is_ignored():
    # The second anchor lies half on the region, the fourth a quarter; the first is matched, whatever lies there.
    ours = assign(matcher=ArgmaxMatcher(0.6, 0.6), regions=regions_of([0, 0.25, 1, 0.625], [0, 0, 0, 0]))
    assert ours.match.numpy().tolist() == [[0, -2, -1, -1]]
    assert ours.class_weights.numpy().tolist() == [[1, 0, 1, 1]]
    assert ours.box_weights.numpy().tolist() == [[1, 0, 0, 0]]
    assert np.all(ours.box_targets[0, 1] == 0)


def test_an_anchor_that_an_ignored_object_would_have_is_no_background():
    small = regions_of([0.1, 0.6, 0.15, 0.65])
    assert assign(regions=small).match.numpy().tolist() == [[0, -2, -2, -1]], "no anchor lies on it"
    force = ArgmaxMatcher(0.6, 0.4, force_match_for_each_row=True)
    assert assign(matcher=force, regions=small).match.numpy().tolist() == [[0, -2, 1, -2]], "but one would be its own"
    between = regions_of([0.0, 0.4, 1.0, 1.0])
    match = assign(matcher=ArgmaxMatcher(0.9, 0.2), regions=between).match.numpy().tolist()
    assert match == [[0, -2, -2, -2]]


def test_regions_of_one_image_do_not_change_another():
    batch = [tf.repeat(values, 3, axis=0) for values in (BOXES, LABELS, WEIGHTS)]
    for matcher in (
        ArgmaxMatcher(0.6, 0.4),
        ArgmaxMatcher(0.6, 0.4, force_match_for_each_row=True),
        ArgmaxMatcher(0.6, 0.4, negatives_lower_than_unmatched=False),
        ArgmaxMatcher(None, None),
    ):
        chosen = {"matcher": matcher, "box_coder": CODER, "background": BACKGROUND}
        counts = tf.constant([2, 0, 1])
        before = targets.assign(ANCHORS, *batch, counts, **chosen)
        for regions in (
            tf.zeros([3, 0, 4]),
            tf.zeros([3, 2, 4]),
            tf.constant([[[0.0] * 4], [[0.0] * 4], [[0, 0, 1, 1.0]]]),
        ):
            after = targets.assign(ANCHORS, *batch, counts, **chosen, regions=regions)
            same = 2 if float(tf.reduce_sum(regions)) else 3
            for one, other in zip(before, after, strict=True):
                np.testing.assert_array_equal(one[:same], other[:same])
            assert np.all(after.match[same:] != -1)


def test_an_image_may_have_regions_alone():
    none = tf.zeros([1, 0, 4]), tf.zeros([1, 0, 3]), tf.zeros([1, 0]), tf.constant([0])
    chosen = {"matcher": ArgmaxMatcher(0.6, 0.4), "box_coder": CODER, "background": BACKGROUND}
    ours = targets.assign(ANCHORS, *none, **chosen, regions=regions_of([0, 0, 0.5, 0.5]))
    assert ours.match.numpy().tolist() == [[-2, -2, -1, -1]]


def test_similarities():
    of, boxes = similarity.make, BOXES[:, :2]
    np.testing.assert_array_equal(of("iou_similarity")(boxes, ANCHORS), geometry.iou(boxes, ANCHORS))
    assert of("ioa_similarity")(boxes, ANCHORS)[0, 0].numpy().tolist() == [1, 1, 0, 0]
    assert of("neg_sq_dist_similarity")(boxes, ANCHORS)[0, 0].numpy().tolist() == [0, -0.0625, -1, -0.5]
    thresholded = of("thresholded_iou_similarity", iou_threshold=0.5)(boxes, ANCHORS)
    np.testing.assert_array_equal(thresholded, geometry.iou(boxes, ANCHORS).numpy() > 0.5)
    assert set(thresholded.numpy().ravel()) == {0, 1}


def test_similarities_have_the_names_of_the_schema():
    (oneof,) = protos.RegionSimilarityCalculator.DESCRIPTOR.oneofs
    assert set(similarity.FUNCTIONS) == {field.name for field in oneof.fields}

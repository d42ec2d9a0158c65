import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes.matchers.argmax_matcher import ArgmaxMatcher
from boxwright.catalog import check
from boxwright.core.errors import UserError
from boxwright.pipeline import parts

# Three ground truth boxes, five anchors.
SIMILARITY = tf.constant(
    [
        [
            [0.9, 0.1, 0.4, 0.2, 0.0],
            [0.8, 0.6, 0.4, 0.3, 0.0],
            [0.1, 0.2, 0.0, 0.1, 0.0],
        ]
    ]
)


def match(settings, similarity=SIMILARITY, num_boxes=(3,), forcible=None):
    forcible = tf.ones(similarity.shape[:2], tf.bool) if forcible is None else tf.constant([forcible])
    arguments = similarity, tf.constant(num_boxes), forcible
    codes = settings.match(*arguments)
    np.testing.assert_array_equal(codes, tf.function(settings.match)(*arguments))
    return codes.numpy().tolist()


def test_one_threshold():
    assert match(ArgmaxMatcher(0.5, 0.5)) == [[0, 1, -1, -1, -1]]
    # Reaching the threshold is enough; ties go to the first box.
    assert match(ArgmaxMatcher(0.4, 0.4)) == [[0, 1, 0, -1, -1]]


def test_two_thresholds():
    assert match(ArgmaxMatcher(0.7, 0.35)) == [[0, -2, -2, -1, -1]]
    assert match(ArgmaxMatcher(0.7, 0.35, negatives_lower_than_unmatched=False)) == [[0, -1, -1, -2, -2]]


def test_without_thresholds_everything_matches():
    assert match(ArgmaxMatcher(None, None)) == [[0, 1, 0, 1, 0]]


def test_each_box_forces_its_best_anchor():
    # Boxes 0 and 1 both want anchor 0: the first has it, and box 1 keeps anchor 1 by its overlap; box 2 takes anchor 1.
    assert match(ArgmaxMatcher(0.5, 0.5, force_match_for_each_row=True)) == [[0, 2, -1, -1, -1]]
    assert match(ArgmaxMatcher(0.95, 0.95, force_match_for_each_row=True)) == [[0, 2, -1, -1, -1]]


def test_boxes_without_weight_force_nothing_but_match():
    codes = match(ArgmaxMatcher(0.5, 0.5, force_match_for_each_row=True), forcible=[False, True, False])
    assert codes == [[1, 1, -1, -1, -1]]


def test_padding_matches_and_forces_nothing():
    assert match(ArgmaxMatcher(0.5, 0.5, force_match_for_each_row=True), num_boxes=(1,)) == [[0, -1, -1, -1, -1]]
    assert match(ArgmaxMatcher(None, None), num_boxes=(2,)) == [[0, 1, 0, 1, 0]]


@pytest.mark.parametrize("settings", [ArgmaxMatcher(None, None), ArgmaxMatcher(0.5, 0.0, False, True)])
def test_an_image_without_boxes_is_background(settings):
    assert match(settings, num_boxes=(0,)) == [[-1] * 5]


def test_images_of_a_batch_are_independent():
    settings = ArgmaxMatcher(0.5, 0.5, force_match_for_each_row=True)
    both = match(settings, tf.concat([SIMILARITY, SIMILARITY[:, ::-1]], 0), (3, 1))
    assert both == [[0, 2, -1, -1, -1], [-1, 0, -1, -1, -1]]


def test_by_message():
    assert parts.make(protos.Matcher(argmax_matcher={})) == ArgmaxMatcher(0.5, 0.5, True, False)
    fields = {"matched_threshold": 0.75, "unmatched_threshold": 0.25, "force_match_for_each_row": True}
    assert parts.make(protos.Matcher(argmax_matcher=fields)) == ArgmaxMatcher(0.75, 0.25, True, True)
    fields["negatives_lower_than_unmatched"] = False
    assert parts.make(protos.Matcher(argmax_matcher=fields)) == ArgmaxMatcher(0.75, 0.25, False, True)
    ignoring = protos.Matcher(argmax_matcher={"ignore_thresholds": True, "matched_threshold": 0.1})
    assert parts.make(ignoring) == ArgmaxMatcher(None, None, True, False)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bipartite_matcher": {}}, "bipartite_matcher is not supported"),
        ({}, "matcher_oneof is not set"),
    ],
)
def test_mistakes(fields, message):
    with pytest.raises(UserError, match=message):
        parts.make(protos.Matcher(**fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"matched_threshold": 0.25, "unmatched_threshold": 0.5}, "not be above matched"),
        ({"negatives_lower_than_unmatched": False}, "the thresholds are both 0.5"),
    ],
)
def test_thresholds_that_cannot_be_are_refused_by_the_catalogue(fields, message):
    with pytest.raises(UserError, match=message):
        check.require(protos.Matcher(argmax_matcher=fields), "matcher")

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import matcher
from boxwright.core.errors import UserError

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
    codes = matcher.match(similarity, tf.constant(num_boxes), forcible, settings)
    np.testing.assert_array_equal(
        codes, tf.function(matcher.match)(similarity, tf.constant(num_boxes), forcible, settings)
    )
    return codes.numpy().tolist()


def test_one_threshold():
    assert match(matcher.Matcher(0.5, 0.5)) == [[0, 1, -1, -1, -1]]
    # Reaching the threshold is enough; ties go to the first box.
    assert match(matcher.Matcher(0.4, 0.4)) == [[0, 1, 0, -1, -1]]


def test_two_thresholds():
    assert match(matcher.Matcher(0.7, 0.35)) == [[0, -2, -2, -1, -1]]
    assert match(matcher.Matcher(0.7, 0.35, negatives_lower_than_unmatched=False)) == [[0, -1, -1, -2, -2]]


def test_without_thresholds_everything_matches():
    assert match(matcher.Matcher(None, None)) == [[0, 1, 0, 1, 0]]


def test_each_box_forces_its_best_anchor():
    # Boxes 0 and 1 both want anchor 0: the first has it, and box 1 keeps anchor 1 by its overlap; box 2 takes anchor 1.
    assert match(matcher.Matcher(0.5, 0.5, force_match=True)) == [[0, 2, -1, -1, -1]]
    assert match(matcher.Matcher(0.95, 0.95, force_match=True)) == [[0, 2, -1, -1, -1]]


def test_boxes_without_weight_force_nothing_but_match():
    codes = match(matcher.Matcher(0.5, 0.5, force_match=True), forcible=[False, True, False])
    assert codes == [[1, 1, -1, -1, -1]]


def test_padding_matches_and_forces_nothing():
    assert match(matcher.Matcher(0.5, 0.5, force_match=True), num_boxes=(1,)) == [[0, -1, -1, -1, -1]]
    assert match(matcher.Matcher(None, None), num_boxes=(2,)) == [[0, 1, 0, 1, 0]]


@pytest.mark.parametrize("settings", [matcher.Matcher(None, None), matcher.Matcher(0.5, 0.0, False, True)])
def test_an_image_without_boxes_is_background(settings):
    assert match(settings, num_boxes=(0,)) == [[-1] * 5]


def test_images_of_a_batch_are_independent():
    settings = matcher.Matcher(0.5, 0.5, force_match=True)
    both = match(settings, tf.concat([SIMILARITY, SIMILARITY[:, ::-1]], 0), (3, 1))
    assert both == [[0, 2, -1, -1, -1], [-1, 0, -1, -1, -1]]


def test_from_config():
    assert matcher.from_config(protos.Matcher(argmax_matcher={})) == matcher.Matcher(0.5, 0.5, True, False)
    fields = {"matched_threshold": 0.75, "unmatched_threshold": 0.25, "force_match_for_each_row": True}
    assert matcher.from_config(protos.Matcher(argmax_matcher=fields)) == matcher.Matcher(0.75, 0.25, True, True)
    fields["negatives_lower_than_unmatched"] = False
    assert matcher.from_config(protos.Matcher(argmax_matcher=fields)) == matcher.Matcher(0.75, 0.25, False, True)
    ignoring = protos.Matcher(argmax_matcher={"ignore_thresholds": True, "matched_threshold": 0.1})
    assert matcher.from_config(ignoring) == matcher.Matcher(None, None, True, False)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bipartite_matcher": {}}, "bipartite_matcher is not supported"),
        ({}, "nothing is not supported"),
        (
            {"argmax_matcher": {"matched_threshold": 0.25, "unmatched_threshold": 0.5}},
            "not be above matched",
        ),
        ({"argmax_matcher": {"negatives_lower_than_unmatched": False}}, "which are both 0.5"),
    ],
)
def test_mistakes(fields, message):
    with pytest.raises(UserError, match=message):
        matcher.from_config(protos.Matcher(**fields))

"""BiFPN: how a node weighs its inputs."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.necks import bifpn


@pytest.mark.parametrize(
    ("method", "factors"),
    [
        ("fast_attention", [2 / 5.0001, 3 / 5.0001, 0.0]),
        # The OD API's softmax has one number to choose from.
        ("attention", [1.0, 1.0, 1.0]),
        ("weighted_sum", [2.0, 3.0, -1.0]),
    ],
)
def test_what_inputs_are_multiplied_with(method, factors):
    weights = tf.constant([[2.0], [3.0], [-1.0]])
    found = bifpn.COMBINE_METHODS[method](weights)
    np.testing.assert_allclose(found[:, 0], factors, rtol=1e-6)


def test_a_plain_sum_has_no_weights():
    assert "sum" not in bifpn.COMBINE_METHODS


def test_levels_beyond_the_backbone_are_pooled_and_nodes_go_down_and_up():
    nodes = bifpn.wiring([3, 4], range(3, 6), 1)
    assert nodes == [
        (5, [1]),  # of level 4
        (4, [1, 2]),
        (3, [0, 3]),
        (4, [1, 3, 4]),
        (5, [2, 5]),
    ]

"""MnasFPN: what its cells sum, and what no field reaches."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.layers import Variables
from boxwright.detector.necks import mnasfpn

LEVELS = range(3, 7)


BACKBONE = SimpleNamespace(channels={3: 8, 4: 16, 5: 24})


def build(depth: int = 48, **settings):
    variables = Variables(seed=1)
    neck = mnasfpn.make(
        variables,
        "FeatureExtractor/MobilenetV2",
        BACKBONE,
        levels=LEVELS,
        fpn={"additional_layer_depth": depth},
        **settings,
    )
    return neck, variables


def maps(height: int = 8, width: int = 16) -> dict[int, tf.Tensor]:
    return {
        level: tf.random.stateless_normal([2, height >> step, width >> step, BACKBONE.channels[level]], [step, 0])
        for step, level in enumerate((3, 4, 5))
    }


def test_a_cell_ends_with_a_map_of_each_level_and_uses_what_it_has():
    assert [block.level for block in mnasfpn.CELL[-len(LEVELS) :]] == list(LEVELS)
    for index, block in enumerate(mnasfpn.CELL):
        assert all(place < len(LEVELS) + index for place in block.inputs)
    used = {place for block in mnasfpn.CELL for place in block.inputs}
    assert used >= set(range(len(LEVELS)))


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize(("multiplier", "depth", "inner"), [(1.0, 48, 256), (0.5, 24, 128)])
def test_maps_and_names(explicit, multiplier, depth, inner):
    neck, variables = build(use_explicit_padding=explicit, depth_multiplier=multiplier)
    found = neck(maps())
    assert {level: features.shape[1:] for level, features in found.items()} == {
        3: (8, 16, depth),
        4: (4, 8, depth),
        5: (2, 4, depth),
        6: (1, 2, depth),
    }
    assert neck.channels == dict.fromkeys(LEVELS, depth)
    scope = "FeatureExtractor/MnasFPN"
    assert all(name.startswith(f"{scope}/") for name in variables.by_name)
    assert variables.by_name[f"{scope}/cell_0/block_0/input_1/Conv1x1/weights"].shape == (1, 1, 24, inner)
    assert variables.by_name[f"{scope}/cell_3/block_3/SepConv/depthwise_weights"].shape[:2] == (5, 5)
    assert f"{scope}/C6_Conv1x1/weights" in variables.by_name.keys() - variables.regularized.keys()
    kernels = [name for name in variables.by_name if name.endswith("weights") and "/cell_" in name]
    assert len(kernels) == 4 * 5 * 4 and set(kernels) == set(variables.regularized)


def test_a_map_that_came_in_is_added_where_it_is_as_wide():
    """With all kernels of a cell at 0, what is left of it is what came in."""
    neck, variables = build(depth=24)
    for name, variable in variables.by_name.items():
        if "SepConv/pointwise_weights" in name:
            variable.assign(tf.zeros_like(variable))
    given = maps()
    found = neck(given)
    np.testing.assert_array_equal(found[3], tf.zeros_like(found[3]))  # 8 channels came in
    np.testing.assert_array_equal(found[5], given[5])


def test_its_batch_norm_is_its_own():
    """Whatever the configuration says: it trains, forgets 1 % a step, and its smallest variance is 0.01."""
    assert mnasfpn.LINEAR.batch_norm.train and mnasfpn.LINEAR.batch_norm.decay == 0.99
    assert mnasfpn.LINEAR.batch_norm.epsilon == 0.01
    neck, variables = build()
    before = {name: variable.numpy() for name, variable in variables.by_name.items()}
    neck(maps(), training=True)
    moved = {name for name, value in before.items() if (variables.by_name[name].numpy() != value).any()}
    assert moved == {name for name in before if "/moving_" in name}

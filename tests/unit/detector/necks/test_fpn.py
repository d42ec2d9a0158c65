"""The feature pyramid."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from boxwright.catalog import check
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.layers import Variables
from boxwright.detector.necks import fpn, upsampling
from boxwright.pipeline import text

L2 = Regularizer("l2", 1.0)
SETTINGS = Hyperparams(activation=tf.nn.relu6, regularizer=L2, batch_norm=BatchNorm(scale=True))
BACKBONE = SimpleNamespace(channels={2: 2, 3: 3, 4: 4, 5: 5})


def build(levels=(3, 7), variables=None, **more):
    block = {"min_level": levels[0], "max_level": levels[1], "additional_layer_depth": 6}
    variables = Variables() if variables is None else variables
    return fpn.make(
        variables, "S", BACKBONE, conv_hyperparams=SETTINGS, bottom_up="Conv2d_14", fpn=block, min_depth=1, **more
    )


def maps(height=4, width=6, coarsest=5):
    """Maps of the backbone; the coarsest has this height and width."""
    return {
        level: tf.random.stateless_normal(
            [1, height << coarsest - level, width << coarsest - level, channels], [level, 0]
        )
        for level, channels in BACKBONE.channels.items()
    }


@pytest.mark.parametrize(("keras", "taken"), [(False, (4, 3)), (True, (5, 4))])
def test_a_pyramid_that_ends_below_the_coarsest_map(keras, taken):
    """TF1's leaves that map out. TF2's counts the maps from it, so its levels are those of coarser maps."""
    neck = build((3, 4), keras=keras)
    given = maps()
    found = neck(given)
    assert list(found) == [3, 4]
    top = neck._projections[4](given[taken[0]])
    np.testing.assert_array_equal(found[4], top)
    total = upsampling.twice(top) + neck._projections[3](given[taken[1]])
    np.testing.assert_allclose(found[3], neck._smoothing[3](total), atol=1e-5)


def test_twofold_repeats_rows_and_columns():
    x = tf.random.stateless_normal([2, 3, 5, 4], [0, 1])
    np.testing.assert_array_equal(upsampling.twice(x), np.repeat(np.repeat(x, 2, axis=1), 2, axis=2))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 4])])
    def at_run_time(x):
        return upsampling.twice(x)

    np.testing.assert_array_equal(at_run_time(x), upsampling.twice(x))


@pytest.mark.parametrize("levels", [(3, 7), (2, 5), (4, 6), (5, 5)])
def test_levels_and_channels(levels):
    neck = build(levels)
    found = neck(maps())
    assert list(found) == list(range(levels[0], levels[1] + 1)) and set(neck.channels) == set(found)
    for level, features in found.items():
        cells = [math.ceil(side * 2.0 ** (5 - level)) for side in (4, 6)]
        assert features.shape == (1, *cells, 6)


@pytest.mark.parametrize("keras", [False, True])
def test_what_is_enlarged(keras):
    """The sum before the smoothing in TF1, the result in TF2; the coarsest is neither smoothed nor activated."""
    neck = build(keras=keras)
    given = maps()
    found = neck(given)
    top = neck._projections[5](given[5])
    np.testing.assert_array_equal(found[5], top)
    assert (top.numpy() < 0).any()
    total4 = upsampling.twice(top) + neck._projections[4](given[4])
    np.testing.assert_allclose(found[4], neck._smoothing[4](total4), atol=1e-5)
    above = found[4] if keras else total4
    total3 = upsampling.twice(above) + neck._projections[3](given[3])
    np.testing.assert_allclose(found[3], neck._smoothing[3](total3), atol=1e-5)
    assert not np.allclose(found[3], neck._smoothing[3](upsampling.twice(total4 if keras else found[4])), atol=1e-3)
    np.testing.assert_allclose(found[6], neck._further[6](top), atol=1e-5)
    np.testing.assert_allclose(found[7], neck._further[7](found[6]), atol=1e-5)


def test_names_count_from_the_finest_level_and_go_on_from_the_backbones():
    variables = Variables()
    build(variables=variables)
    layers = {name.split("/")[2] for name in variables.by_name}
    assert layers == {
        *(f"projection_{number}" for number in (1, 2, 3)),
        *(f"smoothing_{number}" for number in (1, 2)),
        "bottom_up_Conv2d_14",
        "bottom_up_Conv2d_15",
    }
    assert variables.by_name["S/fpn/projection_3/weights"].shape == (1, 1, 5, 6)
    assert "S/fpn/projection_3/biases" in variables.by_name
    assert not any("projection" in name and "BatchNorm" in name for name in variables.by_name)


@pytest.mark.parametrize(("keras", "penalised"), [(False, 4), (True, 0)])
def test_separable_layers(keras, penalised):
    """TF2 has no penalty on pointwise kernels."""
    variables = Variables()
    neck = build(variables=variables, use_depthwise=True, keras=keras)
    assert variables.by_name["S/fpn/smoothing_1/depthwise_weights"].shape == (3, 3, 6, 1)
    assert variables.by_name["S/fpn/smoothing_1/pointwise_weights"].shape == (1, 1, 6, 6)
    assert sum(name.endswith("pointwise_weights") for name in variables.regularized) == penalised
    assert sum(name.endswith("depthwise_weights") for name in variables.regularized) == 4
    assert neck(maps())[3].shape == (1, 16, 24, 6)


def test_with_explicit_padding_an_enlarged_map_is_cut():
    given = maps()
    given[3] = given[3][:, :15, :23]
    given[4] = given[4][:, :8, :12]
    assert build(use_explicit_padding=True)(given)[3].shape == (1, 15, 23, 6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        build()(given)


def test_keys_of_tf2():
    variables = Variables()
    keys = build(variables=variables, keras=True).object_graph_keys()
    assert keys.keys() == variables.by_name.keys() and len(set(keys.values())) == len(keys)
    places = {name: key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE") for name, key in keys.items()}
    model = "model/_feature_extractor"
    assert places["S/fpn/projection_3/biases"] == f"{model}/_fpn_features_generator/top_layers/0/bias"
    assert places["S/fpn/projection_1/weights"] == f"{model}/_fpn_features_generator/residual_blocks/1/0/kernel"
    assert places["S/fpn/smoothing_2/BatchNorm/gamma"] == f"{model}/_fpn_features_generator/conv_layers/0/1/gamma"
    assert places["S/fpn/bottom_up_Conv2d_15/weights"] == f"{model}/_coarse_feature_layers/1/0/kernel"
    # A layer that pads comes before each of them.
    padded = build(keras=True, use_explicit_padding=True).object_graph_keys()
    assert "/_coarse_feature_layers/1/1/kernel/" in padded["S/fpn/bottom_up_Conv2d_15/weights"]
    assert build().object_graph_keys() == {}


def test_the_depth_follows_the_multiplier():
    assert set(build(depth_multiplier=0.5).channels.values()) == {3}
    assert set(build(depth_multiplier=0.1).channels.values()) == {1}


@pytest.mark.parametrize("side", np.random.default_rng(0).integers(33, 300, 20).tolist())
def test_the_sides_that_are_refused_are_those_that_fail(side):
    """The catalogue's rule about sides is the one of the network."""
    levels = [(3, 7), (2, 5), (4, 6), (2, 4)][side % 4]
    ssd = text.parse(
        f"""image_resizer {{ fixed_shape_resizer {{ height: {side} width: 512 }} }}
          feature_extractor {{
            type: "ssd_mobilenet_v1_fpn" fpn {{ min_level: {levels[0]} max_level: {levels[1]} }}
          }}""",
        kind="Ssd",
    )
    refused = {each.field: each.use for each in check.findings(ssd) if "resizer" in each.field}
    cells = {level: [math.ceil(size / 2**level) for size in (side, 512)] for level in BACKBONE.channels}
    found = {level: tf.zeros([1, *cells[level], channels]) for level, channels in BACKBONE.channels.items()}
    try:
        build(levels)(found)
    except tf.errors.InvalidArgumentError:
        assert refused == {"image_resizer.fixed_shape_resizer.height": side + -side % 2 ** min(levels[1], 5)}
    else:
        assert not refused

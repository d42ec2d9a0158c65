"""The Inception networks: sizes of their maps, widths, names, and what is special about each."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.detector.backbones import inception_resnet_v2, inception_v2, inception_v3
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Variables
from boxwright.pipeline import text
from boxwright.pipeline.coverage import Layout

SETTINGS = Hyperparams(activation=tf.nn.relu6, batch_norm=BatchNorm(scale=True))
NARROW = {"conv_hyperparams": SETTINGS, "depth_multiplier": 0.1, "min_depth": 4}
KEYS = ("model/_feature_extractor_for_proposal_features", "model/_feature_extractor_for_box_classifier_features")


@pytest.mark.parametrize(
    ("module", "type_", "size"),
    [
        (inception_v2, "ssd_inception_v2", (65, 98)),
        (inception_v3, "ssd_inception_v3", (75, 110)),
        (inception_v3, "ssd_inception_v3", (106, 107)),
    ],
)
def test_maps_have_the_cells_of_the_row(module, type_, size):
    """Without padding there are fewer than a side's pixels by the stride, and the row knows how many."""
    row = EXTRACTORS[type_]
    maps = module.features(Variables(), "x", **NARROW)(tf.zeros([1, *size, 3]))
    cells = {level: [fact.cells(side) for side in size] for level, fact in row.levels.items()}
    assert {level: features.shape[1:3].as_list() for level, features in maps.items()} == cells
    assert min(min(pair) for pair in cells.values()) > 0


def test_the_smallest_side_of_v3_leaves_one_cell_and_one_pixel_less_leaves_none():
    row = EXTRACTORS["ssd_inception_v3"]
    assert [row.levels[5].cells(row.smallest_side - less) for less in (0, 1)] == [1, 0]


def test_a_layer_of_d_channels_gets_the_multiplied_number_but_at_least_the_minimum():
    variables = Variables()
    network = inception_v2.features(variables, "x", **NARROW)
    assert network.channels == {4: 19 + 12 + 12 + 12, 5: 35 + 32 + 22 + 12}
    assert variables.by_name["x/Mixed_3b/Branch_3/Conv2d_0b_1x1/weights"].shape == (1, 1, 19, 4)
    # The root's own multiplier is at most 8, and depends on the channels that it gets.
    assert variables.by_name["x/Conv2d_1a_7x7/depthwise_weights"].shape == (7, 7, 3, 2)
    assert variables.by_name["x/Conv2d_1a_7x7/pointwise_weights"].shape == (1, 1, 6, 6)


def test_the_root_is_a_depthwise_and_a_pointwise_convolution_with_nothing_between():
    variables = Variables(seed=2)
    root = inception_v2.Root.build(variables, "root", 3, SETTINGS, int)
    images = tf.random.stateless_normal([1, 33, 40, 3], [1, 2])
    depthwise = tf.nn.depthwise_conv2d(images, variables.by_name["root/depthwise_weights"], [1, 2, 2, 1], "SAME")
    both = tf.nn.conv2d(depthwise, variables.by_name["root/pointwise_weights"], 1, "SAME")
    expected = tf.nn.relu6(both / np.sqrt(1.001))
    np.testing.assert_allclose(root(images), expected, rtol=1e-4, atol=1e-4)


def test_the_mean_of_a_pool_leaves_out_what_lies_beyond_the_border():
    pool = inception_v2.Pool("AVG").build(Variables(), "x", 2, SETTINGS, int)
    np.testing.assert_allclose(pool(tf.ones([1, 4, 5, 2])), 1.0)


def test_irregular_names_are_kept():
    variables = Variables()
    inception_v3.features(variables, "x", **NARROW)
    for name, kernel in (
        ("Mixed_5c/Branch_1/Conv_1_0c_5x5", (5, 5)),
        ("Mixed_6a/Branch_0/Conv2d_1a_1x1", (3, 3)),
        ("Mixed_7b/Branch_1/Conv2d_0b_3x1", (3, 1)),
        ("Mixed_7c/Branch_1/Conv2d_0c_3x1", (3, 1)),
        ("Mixed_7c/Branch_2/Conv2d_0d_3x1", (3, 1)),
    ):
        assert variables.by_name[f"x/{name}/weights"].shape[:2] == kernel


def test_anchors_of_v3_lie_on_the_maps_that_the_network_has():
    config = text.parse(
        """model { ssd {
          image_resizer { fixed_shape_resizer { height: 230 width: 300 } }
          feature_extractor { type: "ssd_inception_v3" override_base_feature_extractor_hyperparams: true }
          anchor_generator { ssd_anchor_generator { num_layers: 6 aspect_ratios: 1 } } } }"""
    )
    shapes = [(len(grid.ys), len(grid.xs)) for grid in Layout(config).grids((230, 300))]
    assert shapes == [(26, 35), (12, 17), (5, 8), (3, 4), (2, 2), (1, 1)]


@pytest.fixture(scope="module")
def resnets():
    """The two stages with names of TF1 and with keys of TF2."""
    found = {}
    for keras in (False, True):
        variables = Variables()
        first = inception_resnet_v2.proposal_features(variables, "first", keras=keras)
        second = inception_resnet_v2.box_features(variables, "second", channels_in=1088, keras=keras)
        found[keras] = variables, first, second
    return found


@pytest.mark.slow
def test_inception_resnet_has_the_numbers_of_keras(resnets):
    """Places of layers in a checkpoint of TF2 that are known, and how many variables there are."""
    variables, first, second = resnets[True]
    keys = first.object_graph_keys() | second.object_graph_keys()
    assert keys.keys() == variables.by_name.keys()
    assert [sum(key.startswith(root) for key in keys.values()) for root in KEYS] == [684, 212]
    first_stage, second_stage = (f"{root}/layer_with_weights-" for root in KEYS)
    for name, place in (
        ("first/Mixed_5b/Branch_2/Conv2d_0a_1x1", f"{first_stage}10"),
        ("first/Mixed_5b/Branch_1/Conv2d_0a_1x1", f"{first_stage}12"),
        ("first/Mixed_5b/Branch_2/Conv2d_0b_3x3", f"{first_stage}13"),
        ("first/Mixed_5b/Branch_0/Conv2d_1x1", f"{first_stage}16"),
        ("first/Mixed_5b/Branch_1/Conv2d_0b_5x5", f"{first_stage}17"),
        ("first/Mixed_5b/Branch_3/Conv2d_0b_1x1", f"{first_stage}19"),
        ("first/Repeat/block35_1/Conv2d_1x1", f"{first_stage}36"),
        ("first/Repeat_1/block17_20/Conv2d_1x1", f"{first_stage}341"),
        ("second/Mixed_7a/Branch_2/Conv2d_0a_1x1", f"{second_stage}0"),
        ("second/Mixed_7a/Branch_2/Conv2d_0b_3x3", f"{second_stage}4"),
        ("second/Mixed_7a/Branch_0/Conv2d_1a_3x3", f"{second_stage}8"),
        ("second/Mixed_7a/Branch_2/Conv2d_1a_3x3", f"{second_stage}10"),
        ("second/Repeat/block8_1/Conv2d_1x1", f"{second_stage}22"),
        ("second/Block8/Conv2d_1x1", f"{second_stage}103"),
        ("second/Conv2d_7b_1x1", f"{second_stage}104"),
    ):
        assert keys[f"{name}/weights"].startswith(f"{place}/"), name
    assert keys["second/Conv2d_7b_1x1/BatchNorm/beta"].startswith(f"{second_stage}105/")
    assert not [name for name in keys if name.endswith("gamma")]


@pytest.mark.slow
def test_the_dialects_of_inception_resnet_differ_in_the_padding_of_the_second_stage(resnets):
    regions = tf.zeros([1, 17, 17, 1088])
    assert [resnets[keras][2](regions).shape[1] for keras in (False, True)] == [8, 9]
    assert not resnets[False][1].object_graph_keys() and not resnets[False][2].object_graph_keys()


@pytest.mark.slow
def test_a_stride_of_8_dilates_what_follows():
    network = inception_resnet_v2.proposal_features(Variables(), "x", first_stage_features_stride=8)
    assert (network.strides, network.channels) == ({3: 8}, {3: 1088})
    branch = network.chain.layers["Repeat_1/block17_1"].branches.chains[1].layers
    assert [branch[name].rate for name in ("Conv2d_0a_1x1", "Conv2d_0b_1x7", "Conv2d_0c_7x1")] == [1, 2, 2]

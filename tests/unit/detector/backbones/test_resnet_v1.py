"""ResNet v1: shapes, names, and that dilation does what the stride would have done."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.backbones import resnet_v1
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Variables


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two units per block keep both kinds, with a projected and with a plain shortcut."""
    monkeypatch.setitem(resnet_v1.UNITS, 50, (2, 2, 2, 1))


def features(stride: int, train_batch_norm: bool = False) -> tuple[resnet_v1.ProposalFeatures, Variables]:
    variables = Variables(seed=1)
    settings = {"first_stage_features_stride": stride, "batch_norm_trainable": train_batch_norm}
    return resnet_v1.proposal_features(variables, "first", depth=50, **settings), variables


@pytest.mark.parametrize(("stride", "level", "height", "width"), [(16, 4, 5, 7), (8, 3, 9, 13)])
def test_feature_map_has_a_cell_per_stride(small: None, stride: int, level: int, height: int, width: int) -> None:
    network, _ = features(stride)
    assert (network.strides, network.channels) == ({level: stride}, {level: 1024})
    (found,) = network(tf.zeros([2, 66, 98, 3])).items()
    assert (found[0], found[1].shape) == (level, (2, height, width, 1024))


def test_dilation_keeps_what_the_stride_would_have_seen(small: None) -> None:
    """Every other cell of the map of stride 8 is a cell of the map of stride 16: the same sums over the same cells."""
    images = tf.random.stateless_normal([1, 66, 98, 3], [1, 2], stddev=60.0)
    dense, sparse = features(8)[0](images)[3], features(16)[0](images)[4]
    np.testing.assert_allclose(dense[:, ::2, ::2], sparse, rtol=1e-4, atol=1e-5 * float(tf.reduce_max(sparse)))


def test_variables_have_checkpoint_names_and_the_unused_block_does_not_train(small: None) -> None:
    _, variables = features(16)
    unit = "first/block2/unit_1/bottleneck_v1"
    assert variables.by_name[f"{unit}/shortcut/weights"].shape == (1, 1, 256, 512)
    assert variables.by_name[f"{unit}/conv2/BatchNorm/moving_variance"].shape == (128,)
    assert f"{unit}/conv1/biases" not in variables.by_name
    assert "first/block2/unit_2/bottleneck_v1/shortcut/weights" not in variables.by_name
    assert "first/block4/unit_1/bottleneck_v1/conv1/weights" in variables.by_name
    assert f"{unit}/conv2/BatchNorm/gamma" in variables.trainable
    assert not any("block4" in name for name in variables.trainable)


@pytest.mark.parametrize("trains", [False, True])
def test_batch_norm_trains_only_where_the_configuration_says_so(small: None, trains: bool) -> None:
    network, variables = features(16, train_batch_norm=trains)
    mean = variables.by_name["first/conv1/BatchNorm/moving_mean"]
    images = tf.random.stateless_normal([1, 66, 66, 3], [1, 2], stddev=60.0)
    network(images, training=False)
    assert not np.any(mean.numpy())
    network(images, training=True)
    assert np.any(mean.numpy()) == trains
    # The averages of the block that nothing uses move, too.
    assert np.any(variables.by_name["first/block4/unit_1/bottleneck_v1/conv3/BatchNorm/moving_mean"].numpy()) == trains


@pytest.mark.parametrize(
    ("keras", "multiplier", "least", "stem", "inner", "outer"),
    [
        (False, 1.0, 16, 64, (64, 128, 256, 512), (256, 512, 1024, 2048)),
        # TF1 widens the inner layers of the units, whose outputs are four times as wide, and not the stem.
        (False, 1.0, 100, 64, (100, 128, 256, 512), (400, 512, 1024, 2048)),
        (False, 0.25, 24, 64, (24, 32, 64, 128), (96, 128, 256, 512)),
        # TF2 widens all layers.
        (True, 1.0, 100, 100, (100, 128, 256, 512), (256, 512, 1024, 2048)),
        (True, 0.25, 24, 24, (24, 32, 64, 128), (64, 128, 256, 512)),
        (True, 1.0, 320, 320, (320, 320, 320, 512), (320, 512, 1024, 2048)),
    ],
)
def test_widths(keras: bool, multiplier: float, least: int, stem: int, inner: tuple, outer: tuple) -> None:
    widths = resnet_v1.ResNetWidths(multiplier, least, keras)
    assert widths.stem() == stem
    assert tuple(map(widths.inner, range(1, 5))) == inner and tuple(map(widths.outer, range(1, 5))) == outer


@pytest.mark.parametrize(("keras", "multiplier", "projected"), [(False, 0.25, False), (True, 1.0, True)])
def test_a_first_unit_whose_widths_agree(small: None, keras: bool, multiplier: float, projected: bool) -> None:
    """TF1's adds its input as it is; TF2's has a convolution even then."""
    variables = Variables(seed=1)
    settings = {"conv_hyperparams": Hyperparams(), "depth_multiplier": multiplier, "min_depth": 256 if keras else 1}
    network = resnet_v1.features(variables, "net", depth=50, keras=keras, **settings)
    assert ("net/block1/unit_1/bottleneck_v1/shortcut/weights" in variables.by_name) == projected
    found = network(tf.zeros([1, 64, 64, 3]))
    assert {level: each.shape[-1] for level, each in found.items()} == network.channels


def test_below_a_pyramid_that_ends_early_the_last_block_is_only_in_the_penalty(small: None) -> None:
    variables = Variables(seed=1)
    settings = {"conv_hyperparams": Hyperparams(), "levels": range(3, 5), "depth_multiplier": 0.1, "min_depth": 4}
    network = resnet_v1.features(variables, "net", depth=50, **settings)
    assert list(network(tf.zeros([1, 64, 64, 3]))) == list(network.channels) == [2, 3, 4]
    last = [name for name in variables.by_name if "block4" in name]
    assert [name for name in variables.trainable if "block4" in name] == [name for name in last if "weights" in name]
    assert any(name.endswith("conv3/BatchNorm/gamma") for name in last)
    assert set(variables.regularized) >= {name for name in last if "weights" in name}

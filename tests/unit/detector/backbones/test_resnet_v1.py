"""ResNet v1: shapes, names, and that dilation does what the stride would have done."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.backbones import resnet_v1
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

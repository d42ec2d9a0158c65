"""The box predictor whose convolutions all maps share."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.core.errors import UserError
from boxwright.detector.build import network
from boxwright.detector.heads import weight_shared_convolutional
from boxwright.detector.layers import Variables
from boxwright.pipeline import text

SEED = tf.constant([0, 1])
SCOPE = weight_shared_convolutional.SCOPE
NORM = "conv_hyperparams { batch_norm { scale: true } regularizer { l2_regularizer { weight: 1 } } }"
TOWER = f"{NORM} depth: 5 num_layers_before_predictor: 2"


def build(written: str = TOWER, channels=(4, 4), anchors=(2, 2), keras: bool = False, background: bool = True):
    """A head for two classes on maps from level 3 on."""
    message = text.parse(written, "test", kind="WeightSharedConvolutionalBoxPredictor")
    variables, by_level, offered = Variables(), dict(enumerate(channels, 3)), network.fields(message)
    offered["force_use_bias"] = message.conv_hyperparams.force_use_bias
    make = weight_shared_convolutional.make
    head = network.call(make, variables, by_level, anchors, 2, background, offered=offered, keras=keras)
    return head, variables


def features(*channels: int, size: int = 4) -> dict[int, tf.Tensor]:
    return {3 + i: tf.random.stateless_normal([2, size >> i, size >> i, c], [i, 0]) for i, c in enumerate(channels)}


def test_order_of_predictions_is_map_row_column_anchor():
    head, variables = build("kernel_size: 1")
    maps = features(4, 4)
    codes, logits = head(maps)
    assert codes.shape == (2, (16 + 4) * 2, 4) and logits.shape == (2, 40, 3)
    weights = variables.by_name[f"{SCOPE}/BoxPredictor/weights"]
    # The second anchor at row 1, column 0 of the second map.
    expected = tf.linalg.matvec(weights[0, 0], maps[4][0, 1, 0], transpose_a=True)[4:8]
    np.testing.assert_allclose(codes[0, 32 + (1 * 2 + 0) * 2 + 1], expected, atol=1e-5)


def test_maps_share_convolutions_and_have_their_own_batch_norm():
    head, variables = build()
    names = set(variables.by_name)
    for tower in ("BoxPredictionTower", "ClassPredictionTower"):
        assert variables.by_name[f"{SCOPE}/{tower}/conv2d_0/weights"].shape == (3, 3, 4, 5)
        assert variables.by_name[f"{SCOPE}/{tower}/conv2d_1/weights"].shape == (3, 3, 5, 5)
        assert f"{SCOPE}/{tower}/conv2d_1/BatchNorm/feature_1/gamma" in names
    assert not any(name.endswith("conv2d_0/biases") for name in names)
    one_map = features(4)[3]
    before = head({3: one_map, 4: one_map})[0]
    np.testing.assert_allclose(before[:, :32], before[:, 32:], atol=1e-6)
    variables.by_name[f"{SCOPE}/BoxPredictionTower/conv2d_1/BatchNorm/feature_1/beta"].assign(tf.ones([5]))
    after = head({3: one_map, 4: one_map})[0]
    np.testing.assert_array_equal(after[:, :32], before[:, :32])
    assert not np.allclose(after[:, 32:], before[:, 32:])


def test_training_moves_the_averages_of_the_map():
    head, variables = build()
    head({3: features(4)[3], 4: tf.zeros([2, 2, 2, 4])}, training=True, seed=SEED)
    means = [
        variables.by_name[f"{SCOPE}/BoxPredictionTower/conv2d_0/BatchNorm/feature_{i}/moving_mean"] for i in (0, 1)
    ]
    assert (means[0].numpy() != 0).all() and (means[1].numpy() == 0).all()


def test_without_batch_norm_towers_have_biases():
    _, variables = build("depth: 5 num_layers_before_predictor: 1")
    assert f"{SCOPE}/ClassPredictionTower/conv2d_0/biases" in variables.by_name
    assert not any("BatchNorm" in name for name in variables.by_name)


@pytest.mark.parametrize(
    ("settings", "biased"),
    [("batch_norm { center: false }", False), ("batch_norm { } force_use_bias: true", True), ("", True)],
)
def test_in_tf2_batch_norm_takes_the_biases_away_even_if_it_does_not_shift(settings, biased):
    written = f"conv_hyperparams {{ {settings} }} depth: 5 num_layers_before_predictor: 1"
    _, variables = build(written, channels=(4, 6, 4), anchors=(2, 2, 2), keras=True)
    for layer in ("ProjectionLayer/conv2d_0", "BoxPredictionTower/conv2d_0"):
        assert (f"{SCOPE}/{layer}/biases" in variables.by_name) == biased
    assert f"{SCOPE}/BoxPredictor/biases" in variables.by_name


def test_one_tower_for_both():
    head, variables = build(f"{TOWER} share_prediction_tower: true")
    towers = {name.split("/")[1] for name in variables.by_name}
    assert towers == {"PredictionTower", "BoxPredictor", "ClassPredictor"}
    assert head(features(4, 4))[1].shape == (2, 40, 3)


def test_maps_of_other_widths_are_projected_to_the_commonest():
    head, variables = build(channels=(4, 6, 4), anchors=(2, 2, 2))
    shapes = [variables.by_name[f"{SCOPE}/ProjectionLayer/conv2d_{i}/weights"].shape for i in range(3)]
    assert shapes == [(1, 1, 4, 4), (1, 1, 6, 4), (1, 1, 4, 4)]
    assert f"{SCOPE}/ProjectionLayer/conv2d_1/BatchNorm/gamma" in variables.by_name
    assert head(features(4, 6, 4))[0].shape == (2, (16 + 4 + 1) * 2, 4)


@pytest.mark.parametrize(("keras", "most"), [(False, 6), (True, 99)])
def test_the_activation_is_relu6_in_tf1_and_the_configured_one_in_tf2(keras, most):
    head, variables = build("depth: 5 num_layers_before_predictor: 1", keras=keras)
    variables.by_name[f"{SCOPE}/BoxPredictionTower/conv2d_0/biases"].assign(99 * tf.ones([5]))
    tower = head.towers[0]
    x = tower(tf.zeros([1, 2, 2, 4]), 0, False)
    np.testing.assert_allclose(x, most * np.ones([1, 2, 2, 5]))


@pytest.mark.parametrize(
    ("keras", "asked", "penalised"),
    [
        (False, "", {"depthwise", "pointwise", "head_depthwise", "head_pointwise"}),
        (True, "", {"depthwise"}),
        (True, "apply_conv_hyperparams_pointwise: true", {"depthwise", "pointwise"}),
        (True, "apply_conv_hyperparams_to_heads: true", {"depthwise", "head_depthwise", "head_pointwise"}),
    ],
)
def test_the_penalty_of_separable_layers(keras, asked, penalised):
    _, variables = build(f"{TOWER} use_depthwise: true {asked}", keras=keras)
    kinds = {
        f"{'' if 'Tower' in name else 'head_'}{name.rsplit('/', 1)[-1].removesuffix('_weights')}"
        for name in variables.regularized
    }
    assert kinds == penalised


def test_class_columns_are_those_of_the_last_layer():
    head, variables = build()
    assert head.class_columns() == {
        f"{SCOPE}/ClassPredictor/{part}": ClassColumns(True) for part in ("weights", "biases")
    }
    head, variables = build(f"{TOWER} use_depthwise: true class_prediction_bias_init: -4.5", background=False)
    names = {f"{SCOPE}/ClassPredictor/{part}" for part in ("pointwise_weights", "biases")}
    assert head.class_columns() == dict.fromkeys(names, ClassColumns(False))
    assert all(variables.by_name[name].shape[-1] == 4 for name in names)
    np.testing.assert_array_equal(variables.by_name[f"{SCOPE}/ClassPredictor/biases"], -4.5 * np.ones(4))


def test_dropout_is_in_training_only_and_drawn_from_the_seed():
    head, _ = build(f"{TOWER} use_dropout: true dropout_keep_probability: 0.5")
    maps = features(4, 4)
    np.testing.assert_array_equal(head(maps)[1], head(maps)[1])
    first, again, other = (head(maps, True, seed)[1] for seed in (SEED, SEED, SEED + 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_scores_instead_of_logits_except_in_training_and_clipped_codes():
    head, _ = build("score_converter: SIGMOID box_encodings_clip_range { min: -0.1 max: 0.1 }")
    plain, _ = build("")
    maps = features(4, 4)
    np.testing.assert_allclose(head(maps)[1], tf.sigmoid(plain(maps)[1]))
    np.testing.assert_array_equal(head(maps, True)[1], plain(maps, True)[1])
    np.testing.assert_array_equal(head(maps)[0], tf.clip_by_value(plain(maps)[0], -0.1, 0.1))


@pytest.mark.parametrize("shared", ["", "share_prediction_tower: true"])
@pytest.mark.parametrize("depthwise", ["", "use_depthwise: true"])
def test_keys_of_tf2(shared, depthwise):
    head, variables = build(f"{TOWER} {shared} {depthwise}", channels=(4, 6, 4), anchors=(2, 2, 2), keras=True)
    keys = {name: key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE") for name, key in head.object_graph_keys().items()}
    assert keys.keys() == variables.by_name.keys() and len(set(keys.values())) == len(keys)
    tower = "PredictionTower" if shared else "ClassPredictionTower"
    kernel, key = ("pointwise_weights", "pointwise_kernel") if depthwise else ("weights", "kernel")
    model = "model/_box_predictor"
    assert keys[f"{SCOPE}/{tower}/conv2d_1/{kernel}"] == f"{model}/_head_scope_conv_layers/{tower}/1/{key}"
    use = "box_encodings" if shared else "class_predictions_with_background"
    norm = f"{SCOPE}/{tower}/conv2d_1/BatchNorm/feature_2/gamma"
    assert keys[norm] == f"{model}/_base_tower_layers_for_heads/{use}/2/4/gamma"
    assert keys[f"{SCOPE}/BoxPredictor/biases"] == f"{model}/_box_prediction_head/_box_encoder_layers/0/bias"
    assert keys[f"{SCOPE}/ProjectionLayer/conv2d_1/weights"] == f"{model}/_additional_projection_layers/1/0/kernel"
    dropped = build(f"{TOWER} use_dropout: true", keras=True)[0].object_graph_keys()[f"{SCOPE}/ClassPredictor/biases"]
    assert "/class_predictions_with_background/_class_predictor_layers/1/bias/" in dropped
    assert build()[0].object_graph_keys() == {}


def test_maps_with_other_numbers_of_anchors():
    with pytest.raises(UserError, match="the same number of anchors"):
        build(anchors=(3, 6))

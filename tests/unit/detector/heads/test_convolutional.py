"""The convolutional box predictor."""

import numpy as np
import tensorflow as tf

from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector.build import network
from boxwright.detector.heads import convolutional
from boxwright.detector.layers import Variables
from boxwright.pipeline import text

SEED = tf.constant([0, 1])


def build(written: str = "", channels=(4, 6), anchors=(2, 3), keras: bool = False):
    """A head for two classes and the background on maps from level 3 on."""
    message = text.parse(f"use_dropout: false {written}", "test", kind="ConvolutionalBoxPredictor")
    variables, by_level, offered = Variables(), dict(enumerate(channels, 3)), network.fields(message)
    head = network.call(convolutional.make, variables, by_level, anchors, 2, True, offered=offered, keras=keras)
    return head, variables


def features(*channels: int) -> dict[int, tf.Tensor]:
    return {3 + i: tf.random.stateless_normal([2, 4 >> i, 4 >> i, c], [i, 0]) for i, c in enumerate(channels)}


def test_order_of_predictions_is_map_row_column_anchor():
    predictor, variables = build()
    maps = features(4, 6)
    codes, logits = predictor(maps)
    assert codes.shape == (2, 4 * 4 * 2 + 2 * 2 * 3, 4)
    assert logits.shape == (2, 44, 3)
    weights = variables.by_name["BoxPredictor_1/BoxEncodingPredictor/weights"]
    # The third anchor at row 1, column 0 of the second map.
    expected = tf.linalg.matvec(weights[0, 0], maps[4][0, 1, 0], transpose_a=True)[8:12]
    np.testing.assert_allclose(codes[0, 32 + (1 * 2 + 0) * 3 + 2], expected, atol=1e-5)


def test_names_with_one_map_have_no_scope():
    _, variables = build(channels=(4,), anchors=(1,))
    assert next(iter(variables.by_name)) == "BoxEncodingPredictor/weights"


def test_layers_before_the_heads():
    _, variables = build("num_layers_before_predictor: 2 min_depth: 3 max_depth: 5")
    shapes = {name: tuple(variable.shape) for name, variable in variables.by_name.items()}
    assert shapes["BoxPredictor_0/Conv2d_0_1x1_4/weights"] == (1, 1, 4, 4)
    assert shapes["BoxPredictor_1/Conv2d_0_1x1_5/weights"] == (1, 1, 6, 5)
    assert shapes["BoxPredictor_1/Conv2d_1_1x1_5/weights"] == (1, 1, 5, 5)
    assert shapes["BoxPredictor_1/ClassPredictor/weights"] == (1, 1, 5, 9)


def test_without_a_depth_there_are_none():
    _, variables = build("num_layers_before_predictor: 2")
    assert not any("Conv2d_0" in name for name in variables.by_name)


def test_class_bias_kernel_and_depthwise():
    predictor, variables = build("class_prediction_bias_init: -4.5 kernel_size: 3 use_depthwise: true")
    assert variables.by_name["BoxPredictor_0/ClassPredictor_depthwise/depthwise_weights"].shape == (3, 3, 4, 1)
    assert variables.by_name["BoxPredictor_0/ClassPredictor/weights"].shape == (1, 1, 4, 6)
    assert (variables.by_name["BoxPredictor_0/ClassPredictor/biases"].numpy() == -4.5).all()
    assert (variables.by_name["BoxPredictor_0/BoxEncodingPredictor/biases"].numpy() == 0).all()
    assert predictor(features(4, 6))[0].shape == (2, 44, 4)


def test_clipping_and_sigmoid():
    predictor, _ = build("box_encodings_clip_range { min: -0.1 max: 0.2 } apply_sigmoid_to_scores: true")
    codes, scores = predictor(features(4, 6))
    assert codes.numpy().min() == np.float32(-0.1)
    assert codes.numpy().max() == np.float32(0.2)
    assert 0 < scores.numpy().min() < scores.numpy().max() < 1


def test_dropout_reaches_the_classes_alone_and_only_in_training():
    predictor, _ = build("use_dropout: true dropout_keep_probability: 0.5")
    maps = features(4, 6)
    codes, logits = predictor(maps)
    trained = predictor(maps, True, SEED)
    np.testing.assert_array_equal(trained[0], codes)
    assert (trained[1].numpy() != logits.numpy()).any()
    np.testing.assert_array_equal(predictor(maps, True, SEED)[1], trained[1])
    assert (predictor(maps, True, SEED + 1)[1].numpy() != trained[1].numpy()).any()


def test_classes_lie_in_the_last_axis_of_the_class_predictors():
    predictor, variables = build("kernel_size: 3 use_depthwise: true")
    expected = {f"BoxPredictor_{i}/ClassPredictor/{part}" for i in (0, 1) for part in ("weights", "biases")}
    assert predictor.class_columns() == dict.fromkeys(expected, ClassColumns(background=True))
    assert expected <= set(variables.by_name)


def test_keras_depthwise_layers_have_no_penalty():
    written = (
        "kernel_size: 3 use_depthwise: true conv_hyperparams { regularizer { l2_regularizer { } } batch_norm { } }"
    )
    penalised = [set(build(written, keras=keras)[1].regularized) for keras in (False, True)]
    assert {name for name in penalised[0] - penalised[1] if "depthwise" in name} == penalised[0] - penalised[1] != set()


def test_the_predictor_of_keras_leaves_scores_as_logits():
    maps = features(4, 6)
    written = "apply_sigmoid_to_scores: true class_prediction_bias_init: 3 conv_hyperparams { }"
    logits = [build(written, keras=keras)[0](maps)[1].numpy() for keras in (False, True)]
    np.testing.assert_allclose(logits[0], 1 / (1 + np.exp(-logits[1])), rtol=1e-5)


def test_dropout_that_keeps_everything_needs_no_seed():
    predictor, _ = build("use_dropout: true dropout_keep_probability: 1 conv_hyperparams { }")
    maps = features(4, 6)
    np.testing.assert_array_equal(predictor(maps, training=True)[1], predictor(maps)[1])

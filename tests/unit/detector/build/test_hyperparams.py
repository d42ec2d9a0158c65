"""Hyperparams messages."""

import pytest
import tensorflow as tf

from boxwright.detector import hyperparams, initializers
from boxwright.detector.build.hyperparams import from_message
from boxwright.pipeline import text


def parse(written: str):
    return text.parse(written, "test", kind="Hyperparams")


def test_all_fields_are_read():
    settings = from_message(
        parse(
            "activation: RELU_6 regularizer { l1_regularizer { weight: 0.25 } } "
            "initializer { random_normal_initializer { mean: 2 stddev: 0 } } "
            "batch_norm { decay: 0.5 center: false scale: true epsilon: 0.125 train: false }"
        )
    )
    assert settings.activation is tf.nn.relu6
    assert settings.regularizer == hyperparams.Regularizer("l1", 0.25)
    assert settings.initializer((2,), initializers.generator(0, "")).tolist() == [2, 2]
    assert settings.batch_norm == hyperparams.BatchNorm(0.5, False, True, 0.125, False)


def test_an_empty_message():
    settings = from_message(parse(""))
    assert settings.activation is tf.nn.relu
    assert settings.initializer is initializers.GLOROT_UNIFORM
    assert settings.regularizer is None
    assert settings.batch_norm is None


def test_depthwise_layers_of_keras_take_neither_initializer_nor_regularizer():
    settings = from_message(parse("regularizer { l2_regularizer { } } batch_norm { }"))
    depthwise = hyperparams.depthwise_of_keras(settings)
    assert depthwise.regularizer is None
    assert depthwise.initializer is initializers.GLOROT_UNIFORM
    assert depthwise.batch_norm == settings.batch_norm


@pytest.mark.parametrize(
    ("written", "bias"),
    [("", True), ("batch_norm { }", False), ("batch_norm { center: false }", True)],
)
def test_where_keras_has_a_bias(written, bias):
    settings = hyperparams.of_keras(from_message(parse(written)))
    assert settings.bias == bias
    assert settings.head().bias is None

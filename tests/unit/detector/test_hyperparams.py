"""Hyperparams messages."""

import pytest
import tensorflow as tf

from boxwright.detector import hyperparams, initializers
from boxwright.detector.support import UnsupportedError
from boxwright.pipeline import text


def parse(written: str):
    return text.parse(written, "test", kind="Hyperparams")


def test_all_fields_are_read():
    settings = hyperparams.from_message(
        parse(
            "activation: RELU_6 regularizer { l1_regularizer { weight: 0.25 } } "
            "initializer { random_normal_initializer { mean: 2 stddev: 0 } } "
            "batch_norm { decay: 0.5 center: false scale: true epsilon: 0.125 train: false }"
        ),
        "x",
    )
    assert settings.activation is tf.nn.relu6
    assert settings.regularizer == hyperparams.Regularizer("l1", 0.25)
    assert settings.initializer((2,), initializers.generator(0, "")).tolist() == [2, 2]
    assert settings.batch_norm == hyperparams.BatchNorm(0.5, False, True, 0.125, False)


def test_an_empty_message():
    settings = hyperparams.from_message(parse(""), "x")
    assert settings.activation is tf.nn.relu
    assert settings.initializer is initializers.GLOROT_UNIFORM
    assert settings.regularizer is None
    assert settings.batch_norm is None


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("group_norm { }", "x is group_norm"),
        ("force_use_bias: true", "x.force_use_bias is True"),
        ("op: FC", "x.op is FC"),
        ('initializer { keras_initializer_by_name: "zeros" }', "x.initializer is keras_initializer_by_name"),
    ],
)
def test_what_is_not_supported_is_named(written, named):
    with pytest.raises(UnsupportedError, match=named) as raised:
        hyperparams.of_convolutions(parse(written), "x")
    assert "Supported: " in str(raised.value)


def test_depthwise_layers_of_keras_take_neither_initializer_nor_regularizer():
    settings = hyperparams.from_message(parse("regularizer { l2_regularizer { } } batch_norm { }"), "x")
    depthwise = hyperparams.depthwise_of_keras(settings)
    assert depthwise.regularizer is None
    assert depthwise.initializer is initializers.GLOROT_UNIFORM
    assert depthwise.batch_norm == settings.batch_norm


@pytest.mark.parametrize(
    ("written", "bias"),
    [("", True), ("batch_norm { }", False), ("batch_norm { center: false }", True)],
)
def test_where_keras_has_a_bias(written, bias):
    settings = hyperparams.of_keras(hyperparams.from_message(parse(written), "x"))
    assert settings.bias == bias
    assert settings.head().bias is None

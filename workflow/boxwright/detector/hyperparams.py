"""What the layers of a network share: activation, first values, penalty, batch norm, as `Hyperparams` messages say."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import tensorflow as tf

from boxwright.detector import initializers
from boxwright.detector.initializers import Initializer

Activation = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Regularizer:
    """A penalty on one variable: weight * sum(|w|) for L1, weight / 2 * sum(w ** 2) for L2."""

    kind: str
    weight: float

    def __call__(self, variable: tf.Variable) -> tf.Tensor:
        total = tf.reduce_sum(tf.abs(variable)) if self.kind == "l1" else tf.nn.l2_loss(variable)
        return self.weight * total


@dataclass(frozen=True)
class BatchNorm:
    """Settings of batch norm. `train`: training uses the batch's statistics and moves the averages."""

    decay: float = 0.999
    center: bool = True
    scale: bool = False
    epsilon: float = 0.001
    train: bool = True


@dataclass(frozen=True)
class Hyperparams:
    """What a convolution has besides its shape: activation, initializer, regularizer, normaliser, bias.

    bias: whether there is one; None: only where there is no normaliser.
    """

    activation: Activation | None = tf.nn.relu
    initializer: Initializer = initializers.GLOROT_UNIFORM
    regularizer: Regularizer | None = None
    batch_norm: BatchNorm | None = None
    bias: bool | None = None

    def linear(self) -> "Hyperparams":
        """The same without an activation."""
        return replace(self, activation=None)

    def head(self) -> "Hyperparams":
        """The same without an activation and with a bias instead of batch norm: for the last layer of a predictor."""
        return replace(self, activation=None, batch_norm=None, bias=None)

    def unpenalised(self) -> "Hyperparams":
        """The same without a regularizer."""
        return replace(self, regularizer=None)

    def with_batch_norm(self, **settings) -> "Hyperparams":
        """The same with these settings of batch norm, where there is one: `train=False` freezes it."""
        return self if self.batch_norm is None else replace(self, batch_norm=replace(self.batch_norm, **settings))


def of_convolutions(message, field: str) -> Hyperparams:
    """`from_message` for convolutions: settings for fully connected layers would not reach them."""
    return from_message(message, field)


def from_message(message, field: str) -> Hyperparams:
    """The settings that a `Hyperparams` message describes; `field` is its dotted path, for errors.

    A message without an initializer gets TensorFlow's default, without a regularizer none, without batch norm a bias.
    `regularize_depthwise` changes nothing, as in the OD API, which never reads it.
    """
    return Hyperparams(
        activation=_activation(message, field),
        initializer=_initializer(message.initializer, f"{field}.initializer"),
        regularizer=_regularizer(message.regularizer),
        batch_norm=_batch_norm(message, field),
    )


def of_keras(settings: Hyperparams) -> Hyperparams:
    """What Keras makes of settings: a convolution whose batch norm does not shift has a bias before it."""
    shifted = settings.batch_norm is not None and settings.batch_norm.center
    return replace(settings, bias=not shifted)


def depthwise_of_keras(settings: Hyperparams) -> Hyperparams:
    """What Keras gives a depthwise layer that is built with `settings`: those of the kernel do not reach it."""
    return replace(settings, initializer=initializers.GLOROT_UNIFORM, regularizer=None)


def _activation(message, field: str) -> Activation | None:
    name = message.DESCRIPTOR.fields_by_name["activation"].enum_type.values_by_number[message.activation].name
    known = {"NONE": None, "RELU": tf.nn.relu, "RELU_6": tf.nn.relu6, "SWISH": tf.nn.swish}
    return known[name]


def _initializer(message, field: str) -> Initializer:
    if message.WhichOneof("initializer_oneof") is None:
        return initializers.GLOROT_UNIFORM
    kind = message.WhichOneof("initializer_oneof")
    settings = getattr(message, kind)
    if kind == "truncated_normal_initializer":
        return initializers.truncated_normal(settings.mean, settings.stddev)
    if kind == "random_normal_initializer":
        return initializers.random_normal(settings.mean, settings.stddev)
    mode = settings.DESCRIPTOR.fields_by_name["mode"].enum_type.values_by_number[settings.mode].name
    return initializers.variance_scaling(settings.factor, mode, settings.uniform)


def _regularizer(message) -> Regularizer | None:
    kind = message.WhichOneof("regularizer_oneof")
    return None if kind is None else Regularizer(kind.removesuffix("_regularizer"), getattr(message, kind).weight)


def _batch_norm(message, field: str) -> BatchNorm | None:
    kind = message.WhichOneof("normalizer_oneof")
    if kind is None:
        return None
    # One replica's batch is the whole batch, so the synchronised form is the same thing.
    norm = getattr(message, kind)
    return BatchNorm(norm.decay, norm.center, norm.scale, norm.epsilon, norm.train)

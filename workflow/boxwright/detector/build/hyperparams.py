"""Layer settings from a `Hyperparams` message."""

import tensorflow as tf
from google.protobuf.message import Message

from boxwright.detector import initializers
from boxwright.detector.hyperparams import Activation, BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import Initializer
from boxwright.detector.swish import swish

ACTIVATIONS: dict[str, Activation | None] = {
    "NONE": None,
    "RELU": tf.nn.relu,
    "RELU_6": tf.nn.relu6,
    "SWISH": swish,
}


def from_message(message: Message) -> Hyperparams:
    """The settings that a `Hyperparams` message describes.

    Without an initializer in the message, layers get TensorFlow's default; without a regularizer, none; without batch
    norm, a bias. `regularize_depthwise` has no effect, as in the OD API, which never reads it.
    """
    return Hyperparams(
        activation=ACTIVATIONS[_name(message, "activation")],
        initializer=_initializer(message.initializer),
        regularizer=_regularizer(message.regularizer),
        batch_norm=_batch_norm(message),
    )


def _initializer(message: Message) -> Initializer:
    kind = message.WhichOneof("initializer_oneof")
    if kind is None:
        return initializers.GLOROT_UNIFORM
    settings = getattr(message, kind)
    if kind == "truncated_normal_initializer":
        return initializers.truncated_normal(settings.mean, settings.stddev)
    if kind == "random_normal_initializer":
        return initializers.random_normal(settings.mean, settings.stddev)
    return initializers.variance_scaling(settings.factor, _name(settings, "mode"), settings.uniform)


def _regularizer(message: Message) -> Regularizer | None:
    kind = message.WhichOneof("regularizer_oneof")
    return None if kind is None else Regularizer(kind.removesuffix("_regularizer"), getattr(message, kind).weight)


def _batch_norm(message: Message) -> BatchNorm | None:
    kind = message.WhichOneof("normalizer_oneof")
    if kind is None:
        return None
    # Batch norm always uses the statistics of the whole batch. So the synchronised form, which TF2 models alone have,
    # differs by the variance that its average follows: Keras computes it without TensorFlow's fused kernels.
    norm = getattr(message, kind)
    unbiased = kind != "sync_batch_norm"
    return BatchNorm(norm.decay, norm.center, norm.scale, norm.epsilon, norm.train, unbiased)


def _name(message: Message, field: str) -> str:
    """The name of an enum's value."""
    return message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(message, field)].name

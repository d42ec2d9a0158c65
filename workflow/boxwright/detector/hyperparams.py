"""Settings that the layers of a network share: activation, initial values, penalty, batch norm."""

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
    """Settings of batch norm.

    train: training uses the batch's statistics and moves the averages. unbiased: the moving variance follows the
    variance over n - 1, as with TensorFlow's fused kernels; if not, that over n.
    """

    decay: float = 0.999
    center: bool = True
    scale: bool = False
    epsilon: float = 0.001
    train: bool = True
    unbiased: bool = True


@dataclass(frozen=True)
class Hyperparams:
    """The settings of a convolution besides its shape: activation, initializer, regularizer, normaliser, bias.

    bias: whether there is one; None: only if there is no normaliser.
    """

    activation: Activation | None = tf.nn.relu
    initializer: Initializer = initializers.GLOROT_UNIFORM
    regularizer: Regularizer | None = None
    batch_norm: BatchNorm | None = None
    bias: bool | None = None

    def activated(self, activation: Activation | None) -> "Hyperparams":
        """The same with another activation."""
        return replace(self, activation=activation)

    def linear(self) -> "Hyperparams":
        """The same without an activation."""
        return self.activated(None)

    def head(self) -> "Hyperparams":
        """The same without an activation and with a bias instead of batch norm: for the last layer of a predictor."""
        return replace(self, activation=None, batch_norm=None, bias=None)

    def penalised(self, regularizer: Regularizer | None) -> "Hyperparams":
        """The same with another regularizer."""
        return replace(self, regularizer=regularizer)

    def unpenalised(self) -> "Hyperparams":
        """The same without a regularizer."""
        return self.penalised(None)

    def with_batch_norm(self, **settings) -> "Hyperparams":
        """The same with these settings of batch norm, if there is one: `train=False` freezes it."""
        return self if self.batch_norm is None else replace(self, batch_norm=replace(self.batch_norm, **settings))


def of_keras(settings: Hyperparams, force_use_bias: bool = False) -> Hyperparams:
    """The settings as Keras applies them: a convolution whose batch norm does not shift gets a bias before it.

    force_use_bias: whether all get one.
    """
    shifted = settings.batch_norm is not None and settings.batch_norm.center
    return replace(settings, bias=force_use_bias or not shifted)


def depthwise_of_keras(settings: Hyperparams) -> Hyperparams:
    """The settings as Keras applies them to a depthwise layer: it ignores those of the kernel."""
    return replace(settings, initializer=initializers.GLOROT_UNIFORM, regularizer=None)

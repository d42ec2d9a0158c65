"""Focal loss: sigmoid cross entropy that fades for easy examples (Lin et al., "Focal Loss", 2017, equation 5)."""

import functools
from collections.abc import Callable

import tensorflow as tf

from boxwright.boxes.losses.cross_entropy import columns
from boxwright.boxes.losses.loss import ClassificationLoss


def make(*, gamma: float, alpha: float | None = None) -> ClassificationLoss:
    """The loss [B, A, K]; see `sigmoid_focal`."""
    return functools.partial(sigmoid_focal, gamma=gamma, alpha=alpha)


def sigmoid_focal(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, gamma: float = 2.0, alpha: float | None = None
) -> tf.Tensor:
    """Sigmoid cross entropy [B, A, K] times `(1 - p_t)^gamma`.

    Targets are 0 or 1. `alpha` weighs positive entries and `1 - alpha` negative ones; None: all alike.

    With z the logit, its sign changed where the target is 1, an entry is a * sigmoid(z)^gamma * softplus(z). A pyramid
    has millions of entries, so the loss and its gradient are written with as few passes over them as possible.
    """
    sign = 1 - 2 * targets
    mean, half = (1.0, 0.0) if alpha is None else (0.5, 0.5 - alpha)
    weights = columns(weights)
    factor = weights * mean + (weights * half) * sign

    @tf.custom_gradient
    def focal(logits: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        z = logits * sign
        miss, entropy = tf.sigmoid(z), tf.math.softplus(z)
        scale = factor * _power(miss, gamma)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return upstream * (sign * scale) * (miss + (gamma - gamma * miss) * entropy)

        return scale * entropy, gradient

    return focal(logits)


def _power(x: tf.Tensor, exponent: float) -> tf.Tensor | float:
    """x^exponent; TensorFlow's general power takes several times as long as roots and products do."""
    usual = {0: lambda x: 1.0, 1: lambda x: x, 1.5: lambda x: x * tf.sqrt(x), 2: tf.square}
    return usual[exponent](x) if exponent in usual else tf.pow(x, exponent)

"""Focal loss: sigmoid cross entropy that fades for easy examples (Lin et al., "Focal Loss", 2017, equation 5)."""

import functools

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

    `alpha` weighs positive entries and `1 - alpha` negative ones; None: all alike.
    """
    probabilities = tf.sigmoid(logits)
    p_t = targets * probabilities + (1 - targets) * (1 - probabilities)
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    if gamma:
        loss *= tf.pow(1 - p_t, gamma)
    if alpha is not None:
        loss *= targets * alpha + (1 - targets) * (1 - alpha)
    return loss * columns(weights)

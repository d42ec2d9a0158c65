"""The absolute difference of codes."""

import tensorflow as tf

from boxwright.boxes.losses.loss import LocalizationLoss


def make() -> LocalizationLoss:
    """The loss of codes; see `l1`."""
    return LocalizationLoss(l1)


def l1(predictions: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Weighted absolute difference [B, A] of codes [B, A, 4], summed over the code."""
    return tf.reduce_sum(tf.abs(predictions - targets) * weights[..., None], axis=-1)

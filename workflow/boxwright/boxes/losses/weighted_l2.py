"""Half the squared norm of the difference of codes."""

import tensorflow as tf

from boxwright.boxes.losses.loss import LocalizationLoss


def make() -> LocalizationLoss:
    """The loss of codes; see `l2`."""
    return LocalizationLoss(l2)


def l2(predictions: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Half the squared norm [B, A] of the weighted difference of codes [B, A, 4] (so the weight counts squared)."""
    return 0.5 * tf.reduce_sum(tf.square((predictions - targets) * weights[..., None]), axis=-1)

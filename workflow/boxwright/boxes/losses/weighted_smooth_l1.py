"""Huber loss on codes: quadratic up to `delta`, then linear (Girshick, "Fast R-CNN", 2015, equation 3)."""

import functools

import tensorflow as tf

from boxwright.boxes.losses.loss import LocalizationLoss


def make(*, delta: float) -> LocalizationLoss:
    """The loss of codes; see `smooth_l1`."""
    return LocalizationLoss(functools.partial(smooth_l1, delta=delta))


def smooth_l1(predictions: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, delta: float = 1.0) -> tf.Tensor:
    """Huber loss [B, A] of codes [B, A, 4], summed over the code.

    For each component x of the difference: `x^2 / 2` where `|x| <= delta`, else `delta |x| - delta^2 / 2`.
    """
    error = tf.abs(predictions - targets)
    quadratic = tf.minimum(error, delta)
    loss = 0.5 * quadratic * quadratic + delta * (error - quadratic)
    return tf.reduce_sum(loss * weights[..., None], axis=-1)

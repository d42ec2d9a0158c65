"""Sigmoid cross entropy against targets mixed with the model's own belief (Reed et al., 2015, section 3.2)."""

import functools

import tensorflow as tf

from boxwright.boxes.losses import cross_entropy
from boxwright.boxes.losses.loss import ClassificationLoss


def make(*, alpha: float = 0.0, hard_bootstrap: bool) -> ClassificationLoss:
    """The loss [B, A, K]; see `bootstrapped`. The schema has no default for `alpha`: if unset, it is 0."""
    return functools.partial(bootstrapped, alpha=alpha, hard=hard_bootstrap)


def bootstrapped(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, alpha: float, hard: bool = False
) -> tf.Tensor:
    """Sigmoid cross entropy [B, A, K] against `alpha * target + (1 - alpha) * belief`.

    The belief is the predicted probability, or 0 or 1 if `hard`.
    """
    belief = tf.sigmoid(logits)
    if hard:
        belief = tf.cast(belief > 0.5, logits.dtype)
    return cross_entropy.sigmoid(logits, alpha * targets + (1 - alpha) * belief, weights)

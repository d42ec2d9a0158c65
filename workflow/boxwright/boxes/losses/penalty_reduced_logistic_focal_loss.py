"""Focal loss of heat maps, less where a cell is near the centre of an object (Law and Deng, "CornerNet", 2018)."""

import functools

import tensorflow as tf

from boxwright.boxes.losses.cross_entropy import columns
from boxwright.boxes.losses.loss import ClassificationLoss

# Probabilities are kept this far from 0 and 1, so that their logarithms are finite. Beyond, there is no gradient.
_LEAST = 1e-4


def make(*, alpha: float = 0.0, beta: float = 0.0) -> ClassificationLoss:
    """The loss [B, A, K]; see `penalty_reduced_focal`. The schema has no defaults: what is unset is 0."""
    return functools.partial(penalty_reduced_focal, alpha=alpha, beta=beta)


def penalty_reduced_focal(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, alpha: float = 2.0, beta: float = 4.0
) -> tf.Tensor:
    """Sigmoid cross entropy against 1 where the target is 1, and against 0 elsewhere, each with its own weight.

    With p the probability that the answer is wrong, the weight is p^alpha, and where the target is below 1 also
    (1 - target)^beta. Targets are 0 to 1; weights as for the other losses.
    """
    probability = tf.clip_by_value(tf.sigmoid(logits), _LEAST, 1 - _LEAST)
    positive = tf.pow(1 - probability, alpha) * tf.math.log(probability)
    negative = tf.pow(1 - targets, beta) * tf.pow(probability, alpha) * tf.math.log(1 - probability)
    return -tf.where(targets == 1.0, positive, negative) * columns(weights)

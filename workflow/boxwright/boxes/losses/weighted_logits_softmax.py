"""Softmax cross entropy against another model's logits: distillation (Hinton et al., 2015, section 2)."""

import functools

import tensorflow as tf

from boxwright.boxes.losses import cross_entropy
from boxwright.boxes.losses.loss import ClassificationLoss


def make(*, logit_scale: float) -> ClassificationLoss:
    """The loss [B, A]; `logit_scale` divides both logits."""
    return functools.partial(softmax_against_logits, logit_scale=logit_scale)


def softmax_against_logits(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, logit_scale: float = 1.0
) -> tf.Tensor:
    """Softmax cross entropy [B, A] against targets [B, A, K] that are logits themselves."""
    return cross_entropy.softmax(logits, tf.nn.softmax(targets / logit_scale), weights, logit_scale)

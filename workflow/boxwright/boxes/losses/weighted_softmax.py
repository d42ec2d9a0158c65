"""Softmax cross entropy: each anchor has one class of all."""

import functools

from boxwright.boxes.losses import cross_entropy
from boxwright.boxes.losses.loss import ClassificationLoss


def make(*, logit_scale: float = 1.0) -> ClassificationLoss:
    """The loss [B, A] of `logits / logit_scale`; the weight is the mean over the columns."""
    return functools.partial(cross_entropy.softmax, logit_scale=logit_scale)

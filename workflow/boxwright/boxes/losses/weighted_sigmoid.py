"""Sigmoid cross entropy: each class is its own yes-or-no question."""

from boxwright.boxes.losses import cross_entropy
from boxwright.boxes.losses.loss import ClassificationLoss


def make() -> ClassificationLoss:
    """The loss [B, A, K]."""
    return cross_entropy.sigmoid

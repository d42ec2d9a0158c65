"""The interfaces of losses."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

# Predictions, targets and weights -> the loss of each anchor.
Function = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]

# (logits, targets, weights) -> loss. Logits and targets are float32 [B, A, K], weights [B, A, K], [B, A, 1] or [B, A];
# the loss is [B, A, K], or [B, A] if it takes all columns together.
ClassificationLoss = Function


@dataclass(frozen=True)
class LocalizationLoss:
    """(predictions [B, A, 4], targets [B, A, 4], weights [B, A]) -> loss [B, A], all float32.

    on_boxes: whether it compares boxes, which the caller decodes first, and not codes.
    """

    function: Function
    on_boxes: bool = False

    def __call__(self, predictions: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return self.function(predictions, targets, weights)

"""1 - generalised IoU, which also has a gradient for boxes that are apart (Rezatofighi et al., 2019, algorithm 1)."""

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.boxes.losses.loss import LocalizationLoss


def make() -> LocalizationLoss:
    """The loss of boxes; see `giou_loss`."""
    return LocalizationLoss(giou_loss, on_boxes=True)


def giou_loss(predictions: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Weighted 1 - GIoU [B, A] of decoded boxes [B, A, 4]."""
    return (1 - geometry.matched_giou(predictions, targets)) * weights

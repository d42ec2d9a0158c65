"""1 - IoU: how far two boxes are from full overlap (Yu et al., "UnitBox", 2016, in its linear form)."""

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.boxes.losses.loss import LocalizationLoss


def make() -> LocalizationLoss:
    """The loss of boxes; see `iou_loss`."""
    return LocalizationLoss(iou_loss, on_boxes=True)


def iou_loss(predictions: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Weighted 1 - IoU [B, A] of decoded boxes [B, A, 4]."""
    return (1 - geometry.matched_iou(predictions, targets)) * weights

"""Hard example mining: only the anchors with the highest losses are learned from.

Anchors are taken in order of falling loss, skipping any whose predicted box overlaps one taken before (Shrivastava et al.,
"Online Hard Example Mining", 2016); of those taken, all positives stay and a limited number of negatives (Liu et al., "SSD",
2016, section 2.2).
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import matcher


class Miner(NamedTuple):
    """What `HardExampleMiner` says, and the loss weights it uses.

    num_hard_examples: at most so many anchors of an image are taken; None: no limit.
    iou_threshold: of two predicted boxes that overlap by more, the one of lower loss is skipped.
    classification_weight, localization_weight: anchors are ranked by this combination of their losses.
    max_negatives_per_positive: None: negatives are not limited.
    min_negatives_per_image: so many negatives are allowed however few positives there are.
    """

    num_hard_examples: int | None = 64
    iou_threshold: float = 0.7
    classification_weight: float = 1.0
    localization_weight: float = 1.0
    max_negatives_per_positive: float | None = None
    min_negatives_per_image: int = 0


class Mined(NamedTuple):
    """selected: `[B, A]` bool; num_positives, num_negatives: `[B]` int32, of the selected."""

    selected: tf.Tensor
    num_positives: tf.Tensor
    num_negatives: tf.Tensor


def from_config(config, classification_weight, localization_weight) -> Miner:
    """The miner of a `HardExampleMiner` message; the two weights are those of the losses (used by loss_type BOTH)."""
    kind = config.DESCRIPTOR.enum_types_by_name["LossType"].values_by_number[config.loss_type].name
    weights = {
        "BOTH": (classification_weight, localization_weight),
        "CLASSIFICATION": (1.0, 0.0),
        "LOCALIZATION": (0.0, 1.0),
    }[kind]
    return Miner(
        config.num_hard_examples if config.num_hard_examples > 0 else None,
        config.iou_threshold,
        *weights,
        config.max_negatives_per_positive if config.max_negatives_per_positive > 0 else None,
        config.min_negatives_per_image,
    )


def mine(miner: Miner, classification_losses, localization_losses, boxes, match=None, num_valid=None) -> Mined:
    """Chooses the anchors of each image to learn from.

    Args:
        miner: settings.
        classification_losses, localization_losses: `[B, A]` float32, one value per anchor, weights included.
        boxes: `[B, A, 4]` float32 decoded predictions.
        match: `[B, A]` int32 codes of the matcher; without it negatives are not limited.
        num_valid: `[B]` int32, how many of the A rows are real; None: all.

    Returns:
        The choice, to be multiplied with the losses; no gradient flows through it.
    """
    losses = tf.stop_gradient(
        classification_losses * miner.classification_weight + localization_losses * miner.localization_weight
    )
    order, taken = _hardest(miner, losses, tf.stop_gradient(boxes), num_valid)
    if match is None:
        match = tf.zeros_like(order)
    codes = tf.gather(match, order, batch_dims=1)
    positives = taken & (codes >= 0)
    num_positives = tf.math.count_nonzero(positives, axis=1, dtype=tf.int32)
    if miner.max_negatives_per_positive is not None:
        allowed = tf.cast(miner.max_negatives_per_positive * tf.cast(num_positives, tf.float32), tf.int32)
        allowed = tf.maximum(allowed, miner.min_negatives_per_image)
        negatives = tf.cast(taken & (codes == matcher.BACKGROUND), tf.int32)
        taken &= positives | (tf.cumsum(negatives, axis=1) <= allowed[:, None])
    num_taken = tf.math.count_nonzero(taken, axis=1, dtype=tf.int32)
    selected = tf.gather(taken, tf.argsort(order, axis=1), batch_dims=1)
    return Mined(selected, num_positives, num_taken - num_positives)


def _hardest(miner, losses, boxes, num_valid):
    """All anchors by falling loss, `[B, A]` int32, and which of them suppression keeps, `[B, A]` bool."""
    batch, anchors = tf.unstack(tf.shape(losses))
    if num_valid is not None:
        losses = tf.where(tf.range(anchors) < num_valid[:, None], losses, losses.dtype.min)
    limit = anchors if miner.num_hard_examples is None else tf.minimum(miner.num_hard_examples, anchors)
    _, order = tf.math.top_k(losses, anchors)

    def suppress(image):
        kept = tf.raw_ops.NonMaxSuppressionV3(
            boxes=boxes[image],
            scores=losses[image],
            max_output_size=limit,
            iou_threshold=miner.iou_threshold,
            score_threshold=losses.dtype.min,
        )
        return tf.scatter_nd(kept[:, None], tf.ones_like(kept), [anchors])

    kept = tf.map_fn(suppress, tf.range(batch), fn_output_signature=tf.int32)
    return order, tf.gather(kept, order, batch_dims=1) > 0

"""Hard example mining: training uses only the anchors with the highest losses.

Anchors are taken in order of falling loss, skipping any whose predicted box overlaps one taken before (Shrivastava et
al., "Online Hard Example Mining", 2016); of those taken, all positives stay and a limited number of negatives (Liu et
al., "SSD", 2016, section 2.2).
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.boxes.matchers.matcher import BACKGROUND


class Miner(NamedTuple):
    """How hard examples are chosen; see `make` for the schema's numbers.

    num_hard_examples: the most anchors taken per image; None: no limit.
    iou_threshold: of two predicted boxes that overlap by more, the one of lower loss is skipped.
    classification_weight, localization_weight: anchors are ranked by this combination of their losses.
    max_negatives_per_positive: None: negatives are not limited.
    min_negatives_per_image: the number of negatives that are allowed even with few or no positives.
    """

    num_hard_examples: int | None = 64
    iou_threshold: float = 0.7
    classification_weight: float = 1.0
    localization_weight: float = 1.0
    max_negatives_per_positive: float | None = None
    min_negatives_per_image: int = 0


class Mined(NamedTuple):
    """selected: bool [B, A]; num_positives, num_negatives: int32 [B], of the selected."""

    selected: tf.Tensor
    num_positives: tf.Tensor
    num_negatives: tf.Tensor


def make(
    *,
    num_hard_examples: int,
    iou_threshold: float,
    loss_type: str,
    max_negatives_per_positive: int,
    min_negatives_per_image: int,
    classification_weight: float,
    localization_weight: float,
) -> Miner:
    """The miner from the numbers of the schema's `HardExampleMiner` and the weights of the two losses.

    loss_type: BOTH ranks by both losses with their weights, CLASSIFICATION or LOCALIZATION by one alone. The
    schema's 0 for no limit becomes None.
    """
    weights = {
        "BOTH": (classification_weight, localization_weight),
        "CLASSIFICATION": (1.0, 0.0),
        "LOCALIZATION": (0.0, 1.0),
    }[loss_type]
    return Miner(
        num_hard_examples if num_hard_examples > 0 else None,
        iou_threshold,
        *weights,
        max_negatives_per_positive if max_negatives_per_positive > 0 else None,
        min_negatives_per_image,
    )


def mine(
    miner: Miner,
    classification_losses: tf.Tensor,
    localization_losses: tf.Tensor,
    boxes: tf.Tensor,
    match: tf.Tensor | None = None,
    num_valid: tf.Tensor | None = None,
) -> Mined:
    """Choose the anchors of each image to learn from; the caller multiplies the losses by the choice.

    classification_losses, localization_losses: float32 [B, A], one value per anchor, weights included.
    boxes: float32 [B, A, 4], decoded predictions.
    match: int32 [B, A], codes of the matcher; without it negatives are not limited.
    num_valid: int32 [B], how many of the A rows are real; None: all.

    No gradient flows through the choice.
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
        negatives = tf.cast(taken & (codes == BACKGROUND), tf.int32)
        taken &= positives | (tf.cumsum(negatives, axis=1) <= allowed[:, None])
    num_taken = tf.math.count_nonzero(taken, axis=1, dtype=tf.int32)
    places = tf.math.invert_permutation(_in_batch(order))
    selected = tf.reshape(tf.gather(tf.reshape(taken, [-1]), places), tf.shape(taken))
    return Mined(selected, num_positives, num_taken - num_positives)


def _hardest(
    miner: Miner, losses: tf.Tensor, boxes: tf.Tensor, num_valid: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """All anchors by falling loss, int32 [B, A], and which of them are taken, bool [B, A]."""
    anchors = tf.shape(losses)[1]
    if num_valid is None:
        real = tf.ones_like(losses, tf.bool)
    else:
        real = tf.range(anchors) < num_valid[:, None]
        losses = tf.where(real, losses, losses.dtype.min)
    _, order = tf.math.top_k(losses, anchors)
    taken = tf.gather(real & _unsuppressed(boxes, losses, real, miner.iou_threshold), order, batch_dims=1)
    if miner.num_hard_examples is not None:
        taken &= tf.cumsum(tf.cast(taken, tf.int32), axis=1) <= miner.num_hard_examples
    return order, taken


def _in_batch(order: tf.Tensor) -> tf.Tensor:
    """Positions in an image [B, A] as positions among all rows of the batch [B * A]."""
    batch, anchors = tf.unstack(tf.shape(order))
    return tf.reshape(order + tf.range(batch)[:, None] * anchors, [-1])


def _unsuppressed(boxes: tf.Tensor, losses: tf.Tensor, real: tf.Tensor, iou_threshold: float) -> tf.Tensor:
    """bool [B, A]: the boxes that greedy suppression keeps.

    Suppression compares all pairs, 1.8 million for the 1,917 boxes of an SSD, and at the usual threshold of 0.99 nearly
    all in vain. Boxes that overlap no other box above the threshold are kept and suppress nothing, so only the other
    boxes have to be compared.
    """
    anchors = tf.shape(losses)[1]
    crowded = _crowded(boxes, iou_threshold) & real

    def suppress(image: tf.Tensor) -> tf.Tensor:
        rows = tf.where(crowded[image])[:, 0]
        kept = tf.raw_ops.NonMaxSuppressionV3(
            boxes=tf.gather(boxes[image], rows),
            scores=tf.gather(losses[image], rows),
            max_output_size=anchors,
            iou_threshold=iou_threshold,
            score_threshold=float("-inf"),
        )
        kept = tf.gather(rows, kept)
        return tf.tensor_scatter_nd_update(~crowded[image], kept[:, None], tf.ones_like(kept, tf.bool))

    return tf.map_fn(suppress, tf.range(tf.shape(losses)[0]), fn_output_signature=tf.bool)


# Three directions (ymin, xmin, ymax, xmax) in the space of boxes: no entry above 1 along y, nor above 0.6183 along x.
_DIRECTIONS = ((1.0, 0.6183, 1.0, 0.6183), (1.0, -0.6183, 0.7127, -0.4689), (-1.0, 0.3717, 0.7919, 0.6183))
# With more pairs per box than this that are near in the first projection, comparing pairs costs more than it saves.
_MOST_PAIRS = 64


def _crowded(boxes: tf.Tensor, iou_threshold: float) -> tf.Tensor:
    """bool [B, A]: every box that overlaps another of its image by more than the threshold, and a few others.

    If IoU(a, b) > t, the sides also overlap by more than t along each axis. So the length that only one side covers,
    |a_min - b_min| + |a_max - b_max|, is less than (1 - t) times the length of their union, and the union is less than
    1 / t times the side of a. Thus projections of a and b on a direction with entries up to 1 and 0.6183 differ by less
    than (1 - t) / t (height + 0.6183 width of a). Boxes are sorted by one projection, and each is compared in the other
    two with its followers within that distance. If there are too many such pairs (small thresholds, equal boxes), all
    boxes count as crowded.
    """
    batch, anchors = tf.unstack(tf.shape(boxes)[:2])
    projections = tf.matmul(boxes, tf.transpose(tf.constant(_DIRECTIONS)))
    order = _in_batch(tf.argsort(projections[..., 0], axis=1))
    _, _, height, width = geometry.centers_and_sizes(boxes)
    reach = (1 - iou_threshold) / max(iou_threshold, 1e-6) * (tf.abs(height) + 0.6183 * tf.abs(width))
    # One percent more, and some units in the last place of the projections, to allow for rounding.
    reach = 1.01 * reach + 1e-6 * tf.reduce_max(tf.abs(projections))
    rows = tf.gather(tf.reshape(tf.concat([projections, reach[..., None]], axis=-1), [-1, 4]), order)

    first, reach = (tf.reshape(column, [batch, anchors]) for column in (rows[:, 0], rows[:, 3]))
    end = _in_batch(tf.searchsorted(first, first + reach, side="right"))
    place = tf.range(batch * anchors)
    followers = tf.maximum(end - place - 1, 0)
    total = tf.reduce_sum(followers)

    def compare() -> tf.Tensor:
        # Pairs as two lists of places: `left` holds each place as often as it has followers, `right` those followers.
        starts = tf.cumsum(followers, exclusive=True)
        left = tf.cumsum(tf.scatter_nd(starts[:, None], tf.ones_like(starts), [total + 1]))[:total] - 1
        right = tf.range(total) - tf.gather(starts - place, left) + 1
        a, b = tf.gather(rows[:, 1:], left), tf.gather(rows[:, 1:], right)
        gap = tf.abs(a - b)
        near = tf.where((gap[:, 0] <= a[:, 2]) & (gap[:, 1] <= a[:, 2]))
        boxes_of_pairs = tf.gather(order, tf.concat([tf.gather(left, near), tf.gather(right, near)], axis=0))
        return tf.scatter_nd(boxes_of_pairs, tf.ones_like(boxes_of_pairs[:, 0]), tf.shape(place)) > 0

    crowded = tf.cond(total <= _MOST_PAIRS * tf.size(place), compare, lambda: tf.ones_like(place, tf.bool))
    return tf.reshape(crowded, [batch, anchors])

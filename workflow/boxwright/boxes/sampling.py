"""Random minibatches of anchors with a wanted share of positives (Ren et al., "Faster R-CNN", section 3.1.3)."""

import tensorflow as tf

from boxwright.devices import replicas


def balanced(
    candidates: tf.Tensor, positives: tf.Tensor, size: int | None, positive_fraction: float, seed: tf.Tensor
) -> tf.Tensor:
    """Draw anchors of each image without replacement: bool [B, A], which are drawn.

    Up to `int(size * positive_fraction)` positives are drawn, then negatives fill up to `size`; with too few candidates
    the sample is smaller.

    candidates: bool [B, A], the anchors that may be drawn. positives: bool [B, A], which of them are positive (the
    others are negative). size: anchors per image; None keeps all positives, and negatives in proportion to
    `positive_fraction`. positive_fraction: wanted share of positives, in [0, 1] (above 0 if `size` is None).
    seed: int32 [2]; the sample is a pure function of it and the other arguments.
    """
    order = replicas.uniform(tf.shape(candidates), seed)
    positives, negatives = candidates & positives, candidates & ~positives
    most = tf.size(candidates) if size is None else int(positive_fraction * size)
    drawn = _draw(positives, most, order)
    taken = tf.math.count_nonzero(drawn, axis=1, keepdims=True, dtype=tf.int32)
    if size is None:
        ratio = (1 - positive_fraction) / positive_fraction
        rest = tf.cast(ratio * tf.cast(taken, tf.float32), tf.int32)
    else:
        rest = size - taken
    return drawn | _draw(negatives, rest, order)


def topped_up(candidates: tf.Tensor, size: int) -> tf.Tensor:
    """Candidates bool [B, A] with the first of the other anchors of an image, so that there are at least `size`.

    Some samplers of fixed size need as many, and take anchors that may not be drawn where the others are too few.
    """
    missing = size - tf.math.count_nonzero(candidates, axis=1, keepdims=True, dtype=tf.int32)
    return candidates | (tf.cumsum(tf.cast(~candidates, tf.int32), axis=1) <= missing)


def _draw(mask: tf.Tensor, count: int | tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """The `count` (scalar or [B, 1]) entries of `mask` [B, A] that come first in the random `order` [B, A]."""
    ranked = tf.argsort(tf.where(mask, order, 2.0), axis=1, stable=True)
    rank = tf.argsort(ranked, axis=1)
    return mask & (rank < count)

"""Assigns each anchor the ground truth box that it overlaps most, or background, or nothing."""

from typing import NamedTuple

import tensorflow as tf

from boxwright.catalog import check
from boxwright.core.errors import UserError

BACKGROUND = -1
IGNORED = -2


class Matcher(NamedTuple):
    """Settings of the argmax matcher.

    matched_threshold: an anchor whose best similarity reaches it is matched; None: every anchor is.
    unmatched_threshold: at most `matched_threshold`; splits the other anchors in two groups.
    negatives_lower_than_unmatched: those under `unmatched_threshold` are background and those between are ignored; if
        False, the other way round.
    force_match: each ground truth box gets the anchor most similar to it, whatever the thresholds say.
    """

    matched_threshold: float | None = 0.5
    unmatched_threshold: float | None = 0.5
    negatives_lower_than_unmatched: bool = True
    force_match: bool = False


def from_config(config) -> Matcher:
    """The settings of a `Matcher` message.

    Raises:
        UserError: the bipartite matcher or none, or thresholds that contradict each other.
    """
    kind = config.WhichOneof("matcher_oneof")
    if kind != "argmax_matcher":
        raise UserError(f"matcher: {kind or 'nothing'} is not supported; use `argmax_matcher {{}}`.")
    argmax = config.argmax_matcher
    check.require(argmax, "argmax_matcher")
    matched, unmatched = argmax.matched_threshold, argmax.unmatched_threshold
    if argmax.ignore_thresholds:
        matched = unmatched = None
    return Matcher(matched, unmatched, argmax.negatives_lower_than_unmatched, argmax.force_match_for_each_row)


def match(similarity, num_boxes, forcible, settings: Matcher):
    """Matches anchors to ground truth.

    Args:
        similarity: `[B, M, A]` float32, similarity of M ground truth boxes (padded) and A anchors.
        num_boxes: `[B]` int32, how many of the M rows of each image are real; padding matches nothing.
        forcible: `[B, M]` bool, the boxes which may force a match (those of positive weight).
        settings: thresholds and flags.

    Returns:
        `[B, A]` int32: the index of the matched box, `BACKGROUND` or `IGNORED`. Ties go to the first box; where two
        boxes force the same anchor the first wins. An image without boxes is background everywhere.
    """
    rows = tf.shape(similarity)[1]
    real = tf.range(rows)[None, :] < num_boxes[:, None]
    similarity = tf.where(real[:, :, None], similarity, similarity.dtype.min)
    best = tf.reduce_max(similarity, axis=1)
    # The first row that reaches the maximum; cheaper on CPU than argmax over an outer axis.
    matches = tf.reduce_min(tf.where(similarity == best[:, None, :], tf.range(rows)[None, :, None], rows), axis=1)
    if settings.matched_threshold is not None:
        low, between = BACKGROUND, IGNORED
        if not settings.negatives_lower_than_unmatched:
            low, between = between, low
        matches = tf.where(best < settings.matched_threshold, between, matches)
        matches = tf.where(best < settings.unmatched_threshold, low, matches)
    if settings.force_match:
        matches = _force(matches, similarity, real & forcible)
    return tf.where(num_boxes[:, None] > 0, matches, BACKGROUND)


def _force(matches, similarity, forcible):
    """`matches` `[B, A]` with each forcible box's best anchor given to it, the lowest box index first."""
    batch, rows, anchors = tf.unstack(tf.shape(similarity))
    columns = tf.argmax(similarity, axis=2, output_type=tf.int32)
    images = tf.broadcast_to(tf.range(batch)[:, None], [batch, rows])
    forced = tf.tensor_scatter_nd_min(
        tf.fill([batch, anchors], rows),
        tf.stack([images, columns], axis=-1),
        tf.where(forcible, tf.range(rows)[None, :], rows),
    )
    return tf.where(forced < rows, forced, matches)

"""Gives each anchor the ground truth box that it overlaps most, if enough (Liu et al., "SSD", 2016, section 2.2)."""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes.matchers.matcher import BACKGROUND, IGNORED


class ArgmaxMatcher(NamedTuple):
    """A `Matcher` with two thresholds.

    matched_threshold: an anchor whose best similarity reaches it is matched; None: every anchor is.
    unmatched_threshold: at most `matched_threshold`; splits the other anchors into two groups.
    negatives_lower_than_unmatched: those under `unmatched_threshold` are background and those between are ignored; if
        False, the other way round.
    force_match_for_each_row: each ground truth box gets the anchor most similar to it, whatever the thresholds say.
    """

    matched_threshold: float | None = 0.5
    unmatched_threshold: float | None = 0.5
    negatives_lower_than_unmatched: bool = True
    force_match_for_each_row: bool = False

    def match(self, similarity: tf.Tensor, num_boxes: tf.Tensor, forcible: tf.Tensor) -> tf.Tensor:
        """The index of each anchor's box, int32 [B, A], `BACKGROUND` or `IGNORED` (see `Matcher`).

        Padding matches nothing. Ties go to the first box; where two boxes force the same anchor the first wins. An
        image without boxes is background everywhere.
        """
        rows = tf.shape(similarity)[1]
        real = tf.range(rows)[None, :] < num_boxes[:, None]
        similarity = tf.where(real[:, :, None], similarity, similarity.dtype.min)
        best = tf.reduce_max(similarity, axis=1)
        # The first row that reaches the maximum; cheaper on CPU than argmax over an outer axis.
        matches = tf.reduce_min(tf.where(similarity == best[:, None, :], tf.range(rows)[None, :, None], rows), axis=1)
        if self.matched_threshold is not None:
            low, between = BACKGROUND, IGNORED
            if not self.negatives_lower_than_unmatched:
                low, between = between, low
            matches = tf.where(best < self.matched_threshold, between, matches)
            matches = tf.where(best < self.unmatched_threshold, low, matches)
        if self.force_match_for_each_row:
            matches = _force(matches, similarity, real & forcible)
        return tf.where(num_boxes[:, None] > 0, matches, BACKGROUND)


def make(
    *,
    matched_threshold: float,
    unmatched_threshold: float,
    ignore_thresholds: bool,
    negatives_lower_than_unmatched: bool,
    force_match_for_each_row: bool,
) -> ArgmaxMatcher:
    """The matcher from the schema's numbers; `ignore_thresholds` leaves both thresholds out."""
    matched, unmatched = (None, None) if ignore_thresholds else (matched_threshold, unmatched_threshold)
    return ArgmaxMatcher(matched, unmatched, negatives_lower_than_unmatched, force_match_for_each_row)


def _force(matches: tf.Tensor, similarity: tf.Tensor, forcible: tf.Tensor) -> tf.Tensor:
    """`matches` [B, A] with each forcible box's best anchor given to it, the lowest box index first."""
    batch, rows, anchors = tf.unstack(tf.shape(similarity))
    columns = tf.argmax(similarity, axis=2, output_type=tf.int32)
    images = tf.broadcast_to(tf.range(batch)[:, None], [batch, rows])
    forced = tf.tensor_scatter_nd_min(
        tf.fill([batch, anchors], rows),
        tf.stack([images, columns], axis=-1),
        tf.where(forcible, tf.range(rows)[None, :], rows),
    )
    return tf.where(forced < rows, forced, matches)

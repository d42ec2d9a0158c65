"""The interface of matchers, and the codes for an anchor without a box."""

from typing import Protocol

import tensorflow as tf

# Codes in place of the index of a box: nothing is there, or the anchor does not count.
BACKGROUND = -1
IGNORED = -2


class Matcher(Protocol):
    """Gives each anchor a ground truth box, or marks it as background or ignored."""

    def match(self, similarity: tf.Tensor, num_boxes: tf.Tensor, forcible: tf.Tensor) -> tf.Tensor:
        """The index of each anchor's box, int32 [B, A], `BACKGROUND` or `IGNORED`.

        similarity: float32 [B, M, A], of M ground truth boxes (padded) and A anchors. num_boxes: int32 [B], how many of
        the M rows of each image are real. forcible: bool [B, M], the boxes that may force a match.
        """

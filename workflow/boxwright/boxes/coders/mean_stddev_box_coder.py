"""A box coder of plain differences of (ymin, xmin, ymax, xmax), divided by one number."""

from typing import NamedTuple

import tensorflow as tf


class MeanStddevBoxCoder(NamedTuple):
    """A `BoxCoder` whose codes are differences of the four coordinates in units of `stddev`."""

    stddev: float

    def encode(self, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Codes [..., 4] of boxes [..., 4] relative to anchors [..., 4] (broadcast, same units)."""
        return (boxes - anchors) / self.stddev

    def decode(self, codes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Boxes [..., 4] of codes [..., 4] relative to anchors [..., 4] (broadcast); the inverse of `encode`."""
        return codes * self.stddev + anchors


make = MeanStddevBoxCoder

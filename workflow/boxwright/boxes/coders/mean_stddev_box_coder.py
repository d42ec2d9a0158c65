"""A box coder of plain differences of (ymin, xmin, ymax, xmax), divided by one number."""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes.coders.box_coder import CODE_SIZE


class MeanStddevBoxCoder(NamedTuple):
    """A `BoxCoder` whose codes are differences of the four coordinates in units of `stddev`."""

    stddev: float

    code_size = CODE_SIZE

    def encode(self, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Codes [..., 4] of boxes [..., 4] relative to anchors [..., 4] (broadcast, same units)."""
        return (boxes - anchors) / self.stddev

    def decode(self, codes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Boxes [..., 4] of codes [..., 4] relative to anchors [..., 4] (broadcast); the inverse of `encode`."""
        return codes * self.stddev + anchors


make = MeanStddevBoxCoder

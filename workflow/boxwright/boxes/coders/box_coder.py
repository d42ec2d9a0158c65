"""The interface of box coders."""

from typing import Protocol

import tensorflow as tf

# Numbers in the code of a box.
CODE_SIZE = 4


class BoxCoder(Protocol):
    """Turns boxes into codes, which the network predicts, and back. Boxes and anchors are in the same units."""

    def encode(self, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Codes [..., 4] of boxes [..., 4] relative to anchors [..., 4] (broadcast)."""

    def decode(self, codes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Boxes [..., 4] of codes [..., 4] relative to anchors [..., 4] (broadcast); the inverse of `encode`."""

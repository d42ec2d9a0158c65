"""The interface of box coders."""

from typing import Protocol

import tensorflow as tf

# Numbers in the usual code of a box.
CODE_SIZE = 4


class BoxCoder(Protocol):
    """Turns boxes into codes, which the network predicts, and back. Boxes and anchors are in the same units.

    code_size: the numbers in a code; 4 if it has a height and a width.
    """

    code_size: int

    def encode(self, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Codes [..., code_size] of boxes [..., 4] relative to anchors [..., 4] (broadcast)."""

    def decode(self, codes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Boxes [..., 4] of codes [..., code_size] relative to anchors (broadcast); the inverse of `encode`."""

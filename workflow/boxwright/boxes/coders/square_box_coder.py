"""A box coder for square boxes, with one length for both sides:

    ty = sy (y - ya) / la,   tx = sx (x - xa) / la,   tl = sl ln(l / la)

with centers y, x and lengths l, the square roots of the areas. Of a box that is not square, the code is that of the
square with its center and area.
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry

# Added to all lengths before they divide or enter a logarithm, so that an empty box has a finite code.
EPSILON = 1e-8


class SquareBoxCoder(NamedTuple):
    """A `BoxCoder` by its three scale factors; codes are (ty, tx, tl)."""

    y_scale: float = 10.0
    x_scale: float = 10.0
    length_scale: float = 5.0

    code_size = 3

    def encode(self, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Codes [..., 3] of boxes [..., 4] relative to anchors [..., 4] (broadcast, same units)."""
        (anchor_y, anchor_x, anchor_length), (y, x, length) = _centers_and_lengths(anchors), _centers_and_lengths(boxes)
        anchor_length, length = anchor_length + EPSILON, length + EPSILON
        return tf.stack(
            [
                (y - anchor_y) / anchor_length * self.y_scale,
                (x - anchor_x) / anchor_length * self.x_scale,
                tf.math.log(length / anchor_length) * self.length_scale,
            ],
            axis=-1,
        )

    def decode(self, codes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Square boxes [..., 4] of codes [..., 3] relative to anchors [..., 4] (broadcast)."""
        anchor_y, anchor_x, anchor_length = _centers_and_lengths(anchors)
        ty, tx, tl = tf.unstack(codes, axis=-1)
        length = tf.exp(tl / self.length_scale) * anchor_length
        y, x = ty / self.y_scale * anchor_length + anchor_y, tx / self.x_scale * anchor_length + anchor_x
        return geometry.from_centers_and_sizes(y, x, length, length)


def _centers_and_lengths(boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    y, x, height, width = geometry.centers_and_sizes(boxes)
    return y, x, tf.sqrt(height * width)


make = SquareBoxCoder

"""The box coder of Faster R-CNN, which nearly every configuration uses:

    ty = sy (y - ya) / ha,   tx = sx (x - xa) / wa,   th = sh ln(h / ha),   tw = sw ln(w / wa)

with centers y, x and sizes h, w (Ren et al., "Faster R-CNN", 2015, section 3.1.2, times four scale factors).
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.boxes.coders.box_coder import CODE_SIZE

# Added to all sizes before they divide or enter a logarithm, so that an empty box has a finite code.
EPSILON = 1e-8


class FasterRcnnBoxCoder(NamedTuple):
    """A `BoxCoder` by its four scale factors; codes are (ty, tx, th, tw)."""

    y_scale: float = 10.0
    x_scale: float = 10.0
    height_scale: float = 5.0
    width_scale: float = 5.0

    code_size = CODE_SIZE

    def encode(self, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Codes [..., 4] of boxes [..., 4] relative to anchors [..., 4] (broadcast, same units)."""
        anchor_y, anchor_x, anchor_height, anchor_width = geometry.centers_and_sizes(anchors)
        y, x, height, width = geometry.centers_and_sizes(boxes)
        anchor_height, anchor_width = anchor_height + EPSILON, anchor_width + EPSILON
        height, width = height + EPSILON, width + EPSILON
        return tf.stack(
            [
                (y - anchor_y) / anchor_height * self.y_scale,
                (x - anchor_x) / anchor_width * self.x_scale,
                tf.math.log(height / anchor_height) * self.height_scale,
                tf.math.log(width / anchor_width) * self.width_scale,
            ],
            axis=-1,
        )

    def decode(self, codes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
        """Boxes [..., 4] of codes [..., 4] relative to anchors [..., 4] (broadcast); the inverse of `encode`."""
        anchor_y, anchor_x, anchor_height, anchor_width = geometry.centers_and_sizes(anchors)
        ty, tx, th, tw = tf.unstack(codes, axis=-1)
        return geometry.from_centers_and_sizes(
            ty / self.y_scale * anchor_height + anchor_y,
            tx / self.x_scale * anchor_width + anchor_x,
            tf.exp(th / self.height_scale) * anchor_height,
            tf.exp(tw / self.width_scale) * anchor_width,
        )


make = FasterRcnnBoxCoder

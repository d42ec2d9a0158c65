"""Box coders: a box as an offset from its anchor. That of Faster R-CNN, which nearly every configuration has:

    ty = sy (y - ya) / ha,   tx = sx (x - xa) / wa,   th = sh ln(h / ha),   tw = sw ln(w / wa)

with centers y, x and sizes h, w (Ren et al., "Faster R-CNN", section 3.1.2, times four scale factors). The other one
is the difference of each of the four coordinates, over one number.
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.core.errors import UserError

# Added to all sizes before they divide or enter a logarithm, so that an empty box has a finite code.
EPSILON = 1e-8


class FasterRcnn(NamedTuple):
    """The coder of Faster R-CNN by its four scale factors; 10, 10, 5, 5 in nearly every configuration."""

    y: float = 10.0
    x: float = 10.0
    height: float = 5.0
    width: float = 5.0

    def encode(self, boxes, anchors):
        """Codes `[..., 4]` (ty, tx, th, tw) of boxes `[..., 4]` and anchors `[..., 4]` (broadcast, same units)."""
        anchor_y, anchor_x, anchor_height, anchor_width = geometry.centers_and_sizes(anchors)
        y, x, height, width = geometry.centers_and_sizes(boxes)
        anchor_height, anchor_width = anchor_height + EPSILON, anchor_width + EPSILON
        height, width = height + EPSILON, width + EPSILON
        return tf.stack(
            [
                (y - anchor_y) / anchor_height * self.y,
                (x - anchor_x) / anchor_width * self.x,
                tf.math.log(height / anchor_height) * self.height,
                tf.math.log(width / anchor_width) * self.width,
            ],
            axis=-1,
        )

    def decode(self, codes, anchors):
        """Boxes `[..., 4]` from codes `[..., 4]` and anchors `[..., 4]` (broadcast); the inverse of `encode`."""
        anchor_y, anchor_x, anchor_height, anchor_width = geometry.centers_and_sizes(anchors)
        ty, tx, th, tw = tf.unstack(codes, axis=-1)
        return geometry.from_centers_and_sizes(
            ty / self.y * anchor_height + anchor_y,
            tx / self.x * anchor_width + anchor_x,
            tf.exp(th / self.height) * anchor_height,
            tf.exp(tw / self.width) * anchor_width,
        )


class MeanStddev(NamedTuple):
    """The other coder: codes `[..., 4]` are differences of (ymin, xmin, ymax, xmax) in units of `stddev`."""

    stddev: float = 0.01

    def encode(self, boxes, anchors):
        """Codes `[..., 4]` of boxes `[..., 4]` relative to anchors `[..., 4]` (broadcast, same units)."""
        return (boxes - anchors) / self.stddev

    def decode(self, codes, anchors):
        """Boxes `[..., 4]` from codes `[..., 4]` and anchors `[..., 4]` (broadcast); the inverse of `encode`."""
        return codes * self.stddev + anchors


BoxCoder = FasterRcnn | MeanStddev


def from_config(config) -> BoxCoder:
    """The coder of a `BoxCoder` message.

    Raises:
        UserError: a coder that is not supported, or none.
    """
    kind = config.WhichOneof("box_coder_oneof")
    if kind == "mean_stddev_box_coder":
        return MeanStddev(config.mean_stddev_box_coder.stddev)
    if kind != "faster_rcnn_box_coder":
        raise UserError(
            f"box_coder: {kind or 'nothing'} is not supported; use `faster_rcnn_box_coder {{}}` or "
            "`mean_stddev_box_coder {}`."
        )
    scales = config.faster_rcnn_box_coder
    return FasterRcnn(scales.y_scale, scales.x_scale, scales.height_scale, scales.width_scale)

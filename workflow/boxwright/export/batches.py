"""Images of one size preprocessed together, without a loop, also where their new size depends on the old one.

Inside a detector such images are processed one by one, in a loop, which other runtimes read badly or not at all.
"""

import tensorflow as tf

# TensorFlow's own way to turn a loop into operations on a batch. It has no public name; the tests fail if it moves.
from tensorflow.python.ops.parallel_for import pfor

from boxwright.detector.protocol import Detector

# It does not know these. Each takes a batch of images and one new size.
_RESIZES = ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")


def preprocess(detector: Detector, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Images of one size, float32 [B, H, W, 3], preprocessed: float32 [B, h, w, C] and int32 [B, 3]."""
    if detector.preprocessing.resizer.batched:
        return detector.preprocess_batch(images)
    return tf.vectorized_map(detector.preprocess, images, fallback_to_while_loop=False)


def _resize_together(operation: "pfor._PforInput") -> "pfor.WrappedTensor":
    """Resize the images [B, 1, H, W, C] of all iterations at once."""
    images = operation.stacked_input(0)
    flat = tf.reshape(images, tf.concat([[-1], tf.shape(images)[2:]], axis=0))
    resized = getattr(tf.raw_ops, operation.op_type)(
        images=tf.ensure_shape(flat, [None, *images.shape[2:]]),
        size=operation.unstacked_input(1),
        align_corners=operation.get_attr("align_corners"),
        **(
            {}
            if operation.op_type == "ResizeArea"
            else {"half_pixel_centers": operation.get_attr("half_pixel_centers")}
        ),
    )
    return pfor.wrap(resized[:, tf.newaxis])


for _name in _RESIZES:
    pfor.RegisterPFor(_name)(_resize_together)

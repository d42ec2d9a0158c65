"""What crops, pads and scalings share: seeing an example through a window of its image, and random placement.

All of them change the frame: the image becomes what the window shows, and boxes become relative to the window.
"""

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.training.augmentations.example import TrainingExample


def reframe(
    example: TrainingExample,
    image: tf.Tensor,
    window: tf.Tensor,
    min_overlap: tf.Tensor | float = 0.0,
    clip: tf.Tensor | bool = True,
) -> TrainingExample:
    """The example seen through `window`, float32 [4] normalised to the old frame; `image` has the window's pixels.

    Boxes are kept, with their classes and weights, if they share some area with the window, and at least the part
    `min_overlap` of their own. `clip` cuts them at the window's edges. Of the ignore regions, whatever is within the
    window is kept.
    """
    keep = geometry.overlaps_window(example.boxes, window) & (
        geometry.ioa(window[None], example.boxes)[0] >= min_overlap
    )
    boxes = geometry.change_frame(example.boxes, window)
    boxes = tf.where(clip, tf.clip_by_value(boxes, 0.0, 1.0), boxes)
    keep &= geometry.area(boxes) > 0
    regions = tf.clip_by_value(geometry.change_frame(example.regions, window), 0.0, 1.0)
    return TrainingExample(
        image,
        tf.boolean_mask(boxes, keep),
        tf.boolean_mask(example.classes, keep),
        tf.boolean_mask(example.weights, keep),
        tf.boolean_mask(regions, geometry.area(regions) > 0),
    )


def window_of(begin: tf.Tensor, shape: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The window of `shape` pixels from pixel `begin`, normalised by the image's `size`: float32 [4].

    All three are int32 [2], rows and columns.
    """
    return tf.cast(tf.concat([begin, begin + shape], 0), tf.float32) / tf.cast(tf.tile(size, [2]), tf.float32)


def below(limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Random int32 [2], uniform from 0 to below each of the `limits`, int32 [2]; 0 where the limit is 0."""
    drawn = tf.cast(tf.random.stateless_uniform([2], seed) * tf.cast(limits, tf.float32), tf.int32)
    return tf.maximum(tf.minimum(drawn, limits - 1), 0)

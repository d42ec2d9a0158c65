"""Anchors laid over a grid, with TensorFlow."""

import tensorflow as tf

from boxwright.boxes.anchors.generator import Kinds, Shape

# Vertical and horizontal, in the units of the anchors.
Pair = tuple[float | tf.Tensor, float | tf.Tensor]


def tile(feature_shape: Shape, sizes: tf.Tensor, stride: Pair, offset: Pair) -> tf.Tensor:
    """Boxes of the given sizes, centered on every cell of a grid: float32 [rows * columns * K, 4].

    feature_shape: rows and columns. sizes: float32 [K, 2], height and width of each kind. stride: distance (y, x)
    between the centers of neighbouring cells. offset: center (y, x) of the first cell. All but the first are in the
    units of the result.
    """
    rows, columns = feature_shape
    y = tf.cast(tf.range(rows), tf.float32) * stride[0] + offset[0]
    x = tf.cast(tf.range(columns), tf.float32) * stride[1] + offset[1]
    centers = tf.stack(tf.meshgrid(y, x, indexing="ij"), axis=-1)[:, :, None, :]
    sizes = tf.convert_to_tensor(sizes, tf.float32)
    return tf.reshape(tf.concat([centers - 0.5 * sizes, centers + 0.5 * sizes], axis=-1), [-1, 4])


def sizes(kinds: Kinds, base: Pair) -> tf.Tensor:
    """Heights and widths, float32 [K, 2], of kinds on a base (height, width): the aspect ratio keeps the area."""
    scales, ratios = (tf.constant(column, tf.float32) for column in zip(*kinds, strict=True))
    roots = tf.sqrt(ratios)
    return tf.stack([scales / roots * base[0], scales * roots * base[1]], axis=-1)


def sides(image_shape: Shape) -> list[tf.Tensor]:
    """Height and width of an image as two float32 scalars."""
    return [tf.cast(side, tf.float32) for side in image_shape]

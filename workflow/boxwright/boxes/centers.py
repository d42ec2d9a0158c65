"""Objects as points (Zhou et al. 2019, https://arxiv.org/abs/1904.07850): boxes to maps of centres, and back.

A map has cells of some pixels to a side. Here boxes, sizes and offsets are in cells: the cell in row y and column x
reaches from (y, x) to (y + 1, x + 1).
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.boxes.targets import used_rows

# A cell is a peak if no neighbour is higher by this much.
_EQUAL = 1e-6


class CenterTargets(NamedTuple):
    """Targets of B images with at most M boxes, on maps of h x w cells with K classes.

    heatmap: float32 [B, h, w, K], 1 at the centre of a box of the class, falling off with the distance from it.
    cells: int32 [B, M, 2], row and column of the cell with the centre.
    sizes: float32 [B, M, 2], height and width. offsets: float32 [B, M, 2], from the cell's first corner to the centre.
    weights: float32 [B, M], 0 for padding.
    """

    heatmap: tf.Tensor
    cells: tf.Tensor
    sizes: tf.Tensor
    offsets: tf.Tensor
    weights: tf.Tensor


class Peaks(NamedTuple):
    """The N highest peaks of B heat maps, highest first.

    scores: float32 [B, N], 0 for what is no peak. cells: int32 [B, N, 2], row and column. classes: int32 [B, N].
    """

    scores: tf.Tensor
    cells: tf.Tensor
    classes: tf.Tensor


def targets(
    boxes: tf.Tensor,
    classes: tf.Tensor,
    weights: tf.Tensor,
    num_boxes: tf.Tensor,
    *,
    size: tuple[tf.Tensor | int, tf.Tensor | int],
    num_classes: int,
    min_overlap: float,
) -> CenterTargets:
    """Targets from the ground truth of each image.

    boxes: float32 [B, M, 4], padded. classes: int32 [B, M]. weights: float32 [B, M]; they weigh the box's part of the
    heat map too. num_boxes: int32 [B]. size: rows and columns of the map. min_overlap: an IoU, see `radius`.
    """
    boxes, classes, weights = used_rows((boxes, classes, weights), num_boxes)
    weights = tf.where(tf.sequence_mask(num_boxes, tf.shape(weights)[1]), weights, 0.0)
    sizes = boxes[..., 2:] - boxes[..., :2]
    centers = (boxes[..., :2] + boxes[..., 2:]) / 2
    # A box without width at the border has its centre on it; there, rounding may leave the map.
    cells = tf.minimum(tf.cast(tf.floor(centers), tf.int32), tf.cast(tf.stack(size), tf.int32) - 1)
    corners = tf.cast(cells, tf.float32)
    heatmap = _heatmap(corners, _deviation(sizes, min_overlap), classes, weights, size, num_classes)
    return CenterTargets(heatmap, cells, sizes, centers - corners, weights)


def _deviation(sizes: tf.Tensor, min_overlap: float) -> tf.Tensor:
    """The standard deviation [B, M] of the surroundings of centres: a sixth of their diameter, at least one cell."""
    return (2 * tf.maximum(tf.floor(radius(sizes, min_overlap)), 0.0) + 1) / 6


def radius(sizes: tf.Tensor, min_overlap: float) -> tf.Tensor:
    """How far both corners of boxes may move, along each axis, as `min_overlap` decides: float32 [...].

    sizes: [..., 2]. The least of three cases: both corners move the same way, both inwards, both outwards. Each is a
    quadratic equation. As in the first code of CornerNet, and in the OD API, each root is the larger one and is not
    divided by the leading coefficient, so the result is larger than the overlap allows.
    """
    height, width = sizes[..., 0], sizes[..., 1]
    total, area = height + width, height * width
    cases = (
        (1.0, -total, area * ((1 - min_overlap) / (1 + min_overlap))),
        (4.0, -2 * total, (1 - min_overlap) * area),
        (4 * min_overlap, 2 * min_overlap * total, (min_overlap - 1) * area),
    )
    roots = [(tf.sqrt(b**2 - 4 * a * c) - b) / 2 for a, b, c in cases]
    return tf.reduce_min(tf.stack(roots), axis=0)


def _heatmap(
    centers: tf.Tensor,
    deviations: tf.Tensor,
    classes: tf.Tensor,
    weights: tf.Tensor,
    size: tuple[tf.Tensor | int, tf.Tensor | int],
    num_classes: int,
) -> tf.Tensor:
    """float32 [B, h, w, K]: the highest of the bells around the centres [B, M, 2] of each class."""
    batch, (height, width) = tf.shape(centers)[0], size
    spread = 2 * deviations[..., tf.newaxis] ** 2
    distances = [
        (tf.range(side, dtype=tf.float32) - centers[..., axis, tf.newaxis]) ** 2
        for axis, side in enumerate((tf.cast(height, tf.float32), tf.cast(width, tf.float32)))
    ]
    rows, columns = (tf.exp(-distance / spread) for distance in distances)
    bells = rows[..., :, tf.newaxis] * columns[..., tf.newaxis, :] * weights[..., tf.newaxis, tf.newaxis]
    places = tf.range(batch)[:, tf.newaxis] * num_classes + classes
    bells = tf.reshape(bells, [-1, height * width])
    highest = tf.math.unsorted_segment_max(bells, tf.reshape(places, [-1]), batch * num_classes)
    # Of a class without a box it is the least float.
    maps = tf.reshape(tf.maximum(highest, 0.0), [batch, num_classes, height, width])
    return tf.transpose(maps, [0, 2, 3, 1])


def at(maps: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """The values [B, M, C] of maps [B, h, w, C] at cells [B, M, 2]."""
    batch, _, width, channels = (tf.shape(maps)[axis] if side is None else side for axis, side in enumerate(maps.shape))
    flat = tf.reshape(maps, [batch, -1, channels])
    return tf.gather(flat, cells[..., 0] * width + cells[..., 1], batch_dims=1)


def peaks(heatmap: tf.Tensor, *, most: int, neighbourhood: int) -> Peaks:
    """The `most` highest peaks of each heat map, float32 [B, h, w, K], in all classes together.

    neighbourhood: the side of the square of cells in which a peak is the highest of its class. Of equal ones, those of
    the upper rows come first, then those further to the left, then those of the first classes.
    """
    batch, _, width, classes = (tf.shape(heatmap)[i] if side is None else side for i, side in enumerate(heatmap.shape))
    highest = tf.nn.max_pool2d(heatmap, neighbourhood, 1, "SAME")
    flat = tf.reshape(tf.where(tf.abs(heatmap - highest) < _EQUAL, heatmap, 0.0), [batch, -1])
    # A small map may have fewer cells than peaks are asked for.
    flat = tf.pad(flat, [[0, 0], [0, tf.maximum(most - tf.shape(flat)[1], 0)]])
    scores, index = tf.math.top_k(flat, most)
    index = tf.where(scores > 0, index, 0)
    place = index // classes
    return Peaks(scores, tf.stack([place // width, place % width], axis=-1), index % classes)


def boxes_at(cells: tf.Tensor, sizes: tf.Tensor, offsets: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Boxes [B, N, 4] around the centres at `offsets` in `cells`, all [B, N, 2], clipped to the map.

    sizes: predicted; negative ones count as 0. limits: float32 [2], rows and columns of the map.
    """
    centers, half = tf.cast(cells, tf.float32) + offsets, tf.maximum(sizes, 0.0) / 2
    corners = (centers - half, centers + half)
    return tf.concat([tf.clip_by_value(corner, 0.0, limits) for corner in corners], axis=-1)

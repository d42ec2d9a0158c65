"""Geometry of axis-aligned boxes.

A box is the last axis of a float32 tensor, [ymin, xmin, ymax, xmax]; its height is `ymax - ymin` (no extra pixel).
Leading axes are free and broadcast. Nothing here checks that minima are below maxima: a negative side stays negative.
"""

import tensorflow as tf

# A number, or a tensor that broadcasts with one coordinate of the boxes.
Number = float | tf.Tensor


def area(boxes: tf.Tensor) -> tf.Tensor:
    """Area [...] of boxes [..., 4]."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return (ymax - ymin) * (xmax - xmin)


def centers_and_sizes(boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Boxes [..., 4] as four tensors [...]: center y, center x, height, width."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    height, width = ymax - ymin, xmax - xmin
    return ymin + height / 2, xmin + width / 2, height, width


def from_centers_and_sizes(center_y: tf.Tensor, center_x: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """The inverse of `centers_and_sizes`: boxes [..., 4]."""
    return tf.stack(
        [center_y - height / 2, center_x - width / 2, center_y + height / 2, center_x + width / 2],
        axis=-1,
    )


def _overlap(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Overlap of boxes `a` and `b` that broadcast against each other, 0 where they are apart."""
    a_ymin, a_xmin, a_ymax, a_xmax = tf.unstack(a, axis=-1)
    b_ymin, b_xmin, b_ymax, b_xmax = tf.unstack(b, axis=-1)
    height = tf.nn.relu(tf.minimum(a_ymax, b_ymax) - tf.maximum(a_ymin, b_ymin))
    width = tf.nn.relu(tf.minimum(a_xmax, b_xmax) - tf.maximum(a_xmin, b_xmin))
    return height * width


def _ratio(part: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    """`part / whole`, 0 where the part is 0: empty boxes overlap nothing."""
    return tf.where(part == 0, 0.0, part / tf.where(part == 0, 1.0, whole))


def intersection(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Pairwise overlaps [..., N, M] of boxes `a` [..., N, 4] and `b` [..., M, 4]."""
    return _overlap(a[..., :, None, :], b[..., None, :, :])


def iou(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Pairwise intersection over union [..., N, M] of boxes `a` [..., N, 4] and `b` [..., M, 4]; 0 if empty."""
    overlap = intersection(a, b)
    return _ratio(overlap, area(a)[..., :, None] + area(b)[..., None, :] - overlap)


def ioa(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Pairwise intersection over the area of `b` [..., N, M]: what share of box `b[m]` box `a[n]` covers."""
    return _ratio(intersection(a, b), area(b)[..., None, :])


def matched_iou(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Elementwise intersection over union [...] of boxes `a` and `b`, both [..., 4]."""
    overlap = _overlap(a, b)
    return _ratio(overlap, area(a) + area(b) - overlap)


def matched_giou(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Elementwise generalised IoU [...] in (-1, 1] of boxes `a` and `b`, both [..., 4].

    It compares the smallest box around both with their union; a pair without extent counts as 0. (Rezatofighi et al.,
    "Generalized Intersection over Union", 2019.)
    """
    overlap = _overlap(a, b)
    union = area(a) + area(b) - overlap
    hull = area(tf.concat([tf.minimum(a, b)[..., :2], tf.maximum(a, b)[..., 2:]], axis=-1))
    return _ratio(overlap, union) - _ratio(hull - union, hull)


def squared_distances(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Pairwise squared Euclidean distances [..., N, M] between the four coordinates of boxes.

    Computed as |a|^2 + |b|^2 - 2 ab, because its rounding decides which of two equally near boxes is the nearest.
    """
    norms = tf.reduce_sum(a * a, axis=-1)[..., :, None] + tf.reduce_sum(b * b, axis=-1)[..., None, :]
    return norms - 2 * tf.matmul(a, b, transpose_b=True)


def clip_to_window(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Boxes [..., 4] with all coordinates moved into `window` [..., 4] (broadcast); a box outside becomes empty."""
    ymin, xmin, ymax, xmax = tf.unstack(window, axis=-1)
    low = tf.stack([ymin, xmin, ymin, xmin], axis=-1)
    high = tf.stack([ymax, xmax, ymax, xmax], axis=-1)
    return tf.maximum(tf.minimum(boxes, high), low)


def change_frame(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Boxes [..., 4] in coordinates in which `window` [..., 4] (broadcast) is the unit square."""
    ymin, xmin, ymax, xmax = tf.unstack(window, axis=-1)
    origin = tf.stack([ymin, xmin, ymin, xmin], axis=-1)
    # Multiply by the reciprocal instead of dividing: its additional rounding reproduces the recorded detections.
    return (boxes - origin) * _per_side(1 / (ymax - ymin), 1 / (xmax - xmin))


def _per_side(y: Number, x: Number) -> tf.Tensor:
    y, x = tf.cast(y, tf.float32), tf.cast(x, tf.float32)
    return tf.stack([y, x, y, x], axis=-1)


def scale(boxes: tf.Tensor, y: Number, x: Number) -> tf.Tensor:
    """Boxes [..., 4] with vertical coordinates times `y` and horizontal ones times `x` (scalars or [...])."""
    return boxes * _per_side(y, x)


def to_absolute(boxes: tf.Tensor, height: Number, width: Number) -> tf.Tensor:
    """Normalised boxes [..., 4] in pixels of an image of this height and width."""
    return scale(boxes, height, width)


def to_normalized(boxes: tf.Tensor, height: Number, width: Number) -> tf.Tensor:
    """Boxes [..., 4] in pixels, normalised by this height and width."""
    return scale(boxes, 1 / tf.cast(height, tf.float32), 1 / tf.cast(width, tf.float32))


def flip_horizontally(boxes: tf.Tensor, width: Number = 1.0) -> tf.Tensor:
    """Boxes [..., 4] mirrored left to right in an image of this width (1 for normalised boxes)."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([ymin, width - xmax, ymax, width - xmin], axis=-1)


def inside_window(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """bool [...]: which boxes [..., 4] lie wholly within `window` [..., 4], its border included."""
    return tf.reduce_all(tf.concat([boxes[..., :2] >= window[..., :2], boxes[..., 2:] <= window[..., 2:]], axis=-1), -1)


def overlaps_window(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """bool [...]: which boxes [..., 4] share more than a border with `window` [..., 4]."""
    return tf.reduce_all(tf.concat([boxes[..., :2] < window[..., 2:], boxes[..., 2:] > window[..., :2]], axis=-1), -1)

"""Anchors: the boxes at fixed places and sizes from which a detector predicts offsets.

The order is row-major over a feature map's y, then x, then the kinds of a location. Sizes of feature maps and images
may be Python integers or tensors (images of any size). No anchor is clipped here.
"""

import tensorflow as tf

from boxwright.boxes.anchor_kinds import grid_kinds, per_location, pyramid_kinds, ssd_kinds
from boxwright.core.errors import UserError


def tile(feature_shape, sizes, stride, offset):
    """Boxes of the given sizes, centered on every cell of a grid.

    Args:
        feature_shape: rows and columns of the grid, integers or scalar tensors.
        sizes: `[K, 2]` float32, height and width of each kind.
        stride: distance (y, x) between the centers of neighbouring cells, in the units of `sizes`.
        offset: center (y, x) of the first cell.

    Returns:
        `[rows * columns * K, 4]` float32 boxes in the units of `sizes`.
    """
    rows, columns = feature_shape
    y = tf.cast(tf.range(rows), tf.float32) * stride[0] + offset[0]
    x = tf.cast(tf.range(columns), tf.float32) * stride[1] + offset[1]
    centers = tf.stack(tf.meshgrid(y, x, indexing="ij"), axis=-1)[:, :, None, :]
    sizes = tf.convert_to_tensor(sizes, tf.float32)
    return tf.reshape(tf.concat([centers - 0.5 * sizes, centers + 0.5 * sizes], axis=-1), [-1, 4])


def _sizes(kinds, base):
    """`[K, 2]` heights and widths of (scale, aspect ratio) pairs: aspect is width over height, the area is kept."""
    scales, ratios = (tf.constant(column, tf.float32) for column in zip(*kinds, strict=True))
    roots = tf.sqrt(ratios)
    return tf.stack([scales / roots * base[0], scales * roots * base[1]], axis=-1)


# ------------------------------------------------------------------------------------------------ SSD


def ssd_anchors(config, feature_shapes, image_shape):
    """Anchors of an SSD, one grid per feature map.

    Args:
        config: an `SsdAnchorGenerator` message.
        feature_shapes: (rows, columns) of each feature map, finest first; `config.num_layers` of them.
        image_shape: (height, width) of the preprocessed image in pixels. Base anchors are square in pixels: a scale is
            a fraction of the shorter side.

    Returns:
        `[A, 4]` float32, normalised by the image; not clipped.

    Raises:
        UserError: another number of feature maps, strides or offsets than layers.
    """
    kinds = ssd_kinds(config)
    if len(feature_shapes) != len(kinds):
        count = f"{len(feature_shapes)} feature maps"
        raise UserError(f"ssd_anchor_generator: num_layers is {len(kinds)}, but there are {count}.")

    height, width = (tf.cast(side, tf.float32) for side in image_shape)
    shorter = tf.minimum(height, width)
    base = (shorter / height * config.base_anchor_height, shorter / width * config.base_anchor_width)
    grids = []
    for layer, shape in enumerate(feature_shapes):
        if config.height_stride:
            stride = (config.height_stride[layer] / height, config.width_stride[layer] / width)
        else:
            stride = tuple(1.0 / tf.cast(side, tf.float32) for side in shape)
        if config.height_offset:
            offset = (config.height_offset[layer] / height, config.width_offset[layer] / width)
        else:
            offset = (0.5 * stride[0], 0.5 * stride[1])
        grids.append(tile(shape, _sizes(kinds[layer], base), stride, offset))
    return tf.concat(grids, axis=0)


# ------------------------------------------------------------------------------------------------ grid


def grid_anchors(config, feature_shape):
    """Anchors of Faster R-CNN's region proposal network.

    Args:
        config: a `GridAnchorGenerator` message; base size, strides and offsets are in pixels.
        feature_shape: (rows, columns) of the feature map.

    Returns:
        `[A, 4]` float32 in pixels of the preprocessed image; not clipped.
    """
    return tile(
        feature_shape,
        _sizes(grid_kinds(config), (float(config.height), float(config.width))),
        (float(config.height_stride), float(config.width_stride)),
        (float(config.height_offset), float(config.width_offset)),
    )


# ------------------------------------------------------------------------------------------------ multiscale


def multiscale_anchors(config, feature_shapes, image_shape):
    """Anchors of a feature pyramid (Lin et al., "Focal Loss", 2017, section 4).

    The base side at level l is `anchor_scale * 2^l` pixels, with `scales_per_octave` intermediate scales. The first
    center is half a stride from the border where the image's side is a multiple of 2^l, else on it.

    Args:
        config: a `MultiscaleAnchorGenerator` message.
        feature_shapes: (rows, columns) of each level from `min_level` to `max_level`.
        image_shape: (height, width) of the preprocessed image in pixels.

    Returns:
        `[A, 4]` float32, normalised by the image if `config.normalize_coordinates`, else in pixels.

    Raises:
        UserError: another number of feature maps than levels.
    """
    levels = range(config.min_level, config.max_level + 1)
    if len(feature_shapes) != len(levels):
        raise UserError(
            f"multiscale_anchor_generator: levels {config.min_level} to {config.max_level} are {len(levels)}, "
            f"but there are {len(feature_shapes)} feature maps."
        )
    kinds = pyramid_kinds(config)
    grids = []
    for level, shape in zip(levels, feature_shapes, strict=True):
        stride = 2.0**level
        base = config.anchor_scale * stride
        offset = tuple(_half_stride(side, stride) for side in image_shape)
        grids.append(tile(shape, _sizes(kinds, (base, base)), (stride, stride), offset))
    anchors = tf.concat(grids, axis=0)
    if not config.normalize_coordinates:
        return anchors
    height, width = (tf.cast(side, tf.float32) for side in image_shape)
    return anchors * tf.stack([1 / height, 1 / width, 1 / height, 1 / width])


def _half_stride(side, stride):
    """The first center along a side; 0 for a side that is known only at run time, as the OD API has it."""
    known = isinstance(side, int)
    return stride / 2 if known and side % stride == 0 else 0.0


# ------------------------------------------------------------------------------------------------ by message


def generate(config, feature_shapes, image_shape):
    """Anchors `[A, 4]` of an `AnchorGenerator` message; in pixels for grid, normalised for SSD, for multiscale either.

    See `ssd_anchors`, `multiscale_anchors` and `grid_anchors` for the arguments and errors.
    """
    kind = config.WhichOneof("anchor_generator_oneof")
    if kind == "ssd_anchor_generator":
        return ssd_anchors(config.ssd_anchor_generator, feature_shapes, image_shape)
    if kind == "multiscale_anchor_generator":
        return multiscale_anchors(config.multiscale_anchor_generator, feature_shapes, image_shape)
    per_location(config)
    return grid_anchors(config.grid_anchor_generator, feature_shapes[0])

"""Anchors of SSD: scales that grow from one feature map to the next (Liu et al., "SSD", 2016, section 2.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boxwright.boxes.anchors.generator import Grid, Kinds, Shape, require_maps, sizes

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class SsdAnchorGenerator:
    """An `AnchorGenerator` for `num_layers` feature maps; `generate` gives boxes normalised by the image.

    A scale is a fraction of the image's shorter side, times `base_anchor_height` and `base_anchor_width`. Scales run
    evenly from `min_scale` to `max_scale` over the layers (equation 4 there), unless `scales` lists them. A layer has
    one kind of anchor for each aspect ratio, and one of scale sqrt(s * next s) and the aspect ratio
    `interpolated_scale_aspect_ratio`, unless that is 0; the scale after the last is 1. With
    `reduce_boxes_in_lowest_layer` the finest layer has three kinds of its own instead.

    Strides and offsets are in pixels, one for each layer. Without them the cells divide the image evenly, and the first
    center is half a stride from the border.
    """

    num_layers: int
    min_scale: float
    max_scale: float
    scales: Sequence[float]
    aspect_ratios: Sequence[float]
    interpolated_scale_aspect_ratio: float
    reduce_boxes_in_lowest_layer: bool
    base_anchor_height: float
    base_anchor_width: float
    height_stride: Sequence[int]
    width_stride: Sequence[int]
    height_offset: Sequence[int]
    width_offset: Sequence[int]

    @property
    def kinds(self) -> list[Kinds]:
        """The (scale, aspect ratio) pairs of each layer, finest first."""
        if self.scales:
            scales = list(self.scales)
        elif self.num_layers == 1:
            scales = [self.min_scale]
        else:
            step = (self.max_scale - self.min_scale) / (self.num_layers - 1)
            scales = [self.min_scale + step * layer for layer in range(self.num_layers)]
        scales = [*scales, 1.0]
        kinds = []
        for layer in range(self.num_layers):
            scale = scales[layer]
            if layer == 0 and self.reduce_boxes_in_lowest_layer:
                kinds.append([(0.1, 1.0), (scale, 2.0), (scale, 0.5)])
                continue
            kinds.append([(scale, ratio) for ratio in self.aspect_ratios])
            if self.interpolated_scale_aspect_ratio > 0:
                kinds[-1].append((math.sqrt(scale * scales[layer + 1]), self.interpolated_scale_aspect_ratio))
        return kinds

    @property
    def per_location(self) -> list[int]:
        """How many anchors each place of each feature map has."""
        return [len(kinds) for kinds in self.kinds]

    def grids(
        self, feature_shapes: Sequence[tuple[int, int]], image_shape: tuple[int, int], static: bool = True
    ) -> list[Grid]:
        """Where the anchors lie, in pixels (see `AnchorGenerator`)."""
        self._require(feature_shapes)
        shorter = min(image_shape)
        base = (shorter * self.base_anchor_height, shorter * self.base_anchor_width)
        found = []
        for layer, (kinds, shape) in enumerate(zip(self.kinds, feature_shapes, strict=True)):
            centers = []
            for axis, (strides, offsets) in enumerate(self._places()):
                stride = strides[layer] if strides else image_shape[axis] / shape[axis]
                centers.append(np.arange(shape[axis]) * stride + (offsets[layer] if offsets else 0.5 * stride))
            found.append(Grid(sizes(kinds, *base), *centers))
        return found

    def generate(self, feature_shapes: Sequence[Shape], image_shape: Shape) -> "tf.Tensor":
        """The anchors, float32 [A, 4], normalised by the image (see `AnchorGenerator`)."""
        import tensorflow as tf

        from boxwright.boxes.anchors import tiling

        self._require(feature_shapes)
        height, width = tiling.sides(image_shape)
        shorter = tf.minimum(height, width)
        base = (shorter / height * self.base_anchor_height, shorter / width * self.base_anchor_width)
        grids = []
        for layer, (kinds, shape) in enumerate(zip(self.kinds, feature_shapes, strict=True)):
            if self.height_stride:
                stride = (self.height_stride[layer] / height, self.width_stride[layer] / width)
            else:
                stride = tuple(1.0 / side for side in tiling.sides(shape))
            if self.height_offset:
                offset = (self.height_offset[layer] / height, self.width_offset[layer] / width)
            else:
                offset = (0.5 * stride[0], 0.5 * stride[1])
            grids.append(tiling.tile(shape, tiling.sizes(kinds, base), stride, offset))
        return tf.concat(grids, axis=0)

    def _places(self) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Strides and offsets along y, then along x."""
        return [(self.height_stride, self.height_offset), (self.width_stride, self.width_offset)]

    def _require(self, feature_shapes: Sequence[Shape]) -> None:
        require_maps(feature_shapes, self.num_layers, f"ssd_anchor_generator: num_layers is {self.num_layers}")


make = SsdAnchorGenerator

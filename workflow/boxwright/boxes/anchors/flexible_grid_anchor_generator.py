"""Anchors on grids whose places and sizes are all listed, one grid for each feature map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from boxwright.boxes.anchors.generator import Grid, Kinds, Shape, require_maps, sizes

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class FlexibleGridAnchorGenerator:
    """An `AnchorGenerator` for as many feature maps as `anchor_grid` has entries, the messages as plain values.

    Each anchor of a place has a size of its own, the root of its area in pixels, and an aspect ratio: the lists
    `base_sizes` and `aspect_ratios` go together. Strides, and the offset of the first center, are in pixels. `generate`
    gives boxes normalised by the image if `normalize_coordinates`, else in pixels.
    """

    anchor_grid: Sequence[Mapping[str, Any]]
    normalize_coordinates: bool

    @property
    def kinds(self) -> list[Kinds]:
        """The (size, aspect ratio) pairs of a place of each grid."""
        return [list(zip(grid["base_sizes"], grid["aspect_ratios"], strict=True)) for grid in self.anchor_grid]

    @property
    def per_location(self) -> list[int]:
        """How many anchors each place of each feature map has."""
        return [len(kinds) for kinds in self.kinds]

    def grids(
        self, feature_shapes: Sequence[tuple[int, int]], image_shape: tuple[int, int], static: bool = True
    ) -> list[Grid]:
        """Where the anchors lie, in pixels (see `AnchorGenerator`); the image's shape does not matter."""
        self._require(feature_shapes)
        found = []
        for grid, kinds, (rows, columns) in zip(self.anchor_grid, self.kinds, feature_shapes, strict=True):
            (y_stride, x_stride), (y_offset, x_offset) = _pair(grid, "stride"), _pair(grid, "offset")
            ys, xs = np.arange(rows) * y_stride + y_offset, np.arange(columns) * x_stride + x_offset
            found.append(Grid(sizes(kinds, 1.0, 1.0), ys, xs))
        return found

    def generate(self, feature_shapes: Sequence[Shape], image_shape: Shape) -> "tf.Tensor":
        """The anchors, float32 [A, 4] (see `AnchorGenerator`)."""
        import tensorflow as tf

        from boxwright.boxes.anchors import tiling

        self._require(feature_shapes)
        grids = [
            tiling.tile(shape, tiling.sizes(kinds, (1.0, 1.0)), _pair(grid, "stride"), _pair(grid, "offset"))
            for grid, kinds, shape in zip(self.anchor_grid, self.kinds, feature_shapes, strict=True)
        ]
        anchors = tf.concat(grids, axis=0)
        if not self.normalize_coordinates:
            return anchors
        height, width = tiling.sides(image_shape)
        return anchors / tf.stack([height, width, height, width])

    def _require(self, feature_shapes: Sequence[Shape]) -> None:
        count = len(self.anchor_grid)
        require_maps(feature_shapes, count, f"flexible_grid_anchor_generator: anchor_grid has {count} entries")


def _pair(grid: Mapping[str, Any], what: str) -> tuple[float, float]:
    """The stride or the offset along y and along x."""
    return float(grid[f"height_{what}"]), float(grid[f"width_{what}"])


make = FlexibleGridAnchorGenerator

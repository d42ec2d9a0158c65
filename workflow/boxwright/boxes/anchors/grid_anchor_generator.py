"""Anchors on one feature map, every scale with every aspect ratio (Ren et al., "Faster R-CNN", 2015, section 3.1.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boxwright.boxes.anchors.generator import Grid, Kinds, Shape, require_maps, sizes

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class GridAnchorGenerator:
    """An `AnchorGenerator` for one feature map. All values are in pixels of the image, also the result of `generate`.

    height, width: of the base, which scales multiply. height_stride, width_stride: between neighbouring centers.
    height_offset, width_offset: the first center.
    """

    height: int
    width: int
    height_stride: int
    width_stride: int
    height_offset: int
    width_offset: int
    scales: Sequence[float]
    aspect_ratios: Sequence[float]

    @property
    def kinds(self) -> Kinds:
        """The (scale, aspect ratio) pairs of a place: the aspect ratio is the outer loop."""
        return [(scale, ratio) for ratio in self.aspect_ratios for scale in self.scales]

    @property
    def per_location(self) -> list[int]:
        """How many anchors each place of the one feature map has."""
        return [len(self.kinds)]

    def grids(
        self, feature_shapes: Sequence[tuple[int, int]], image_shape: tuple[int, int], static: bool = True
    ) -> list[Grid]:
        """Where the anchors lie, in pixels (see `AnchorGenerator`); the image's shape does not matter."""
        rows, columns = self._only(feature_shapes)
        return [
            Grid(
                sizes(self.kinds, self.height, self.width),
                np.arange(rows) * self.height_stride + self.height_offset,
                np.arange(columns) * self.width_stride + self.width_offset,
            )
        ]

    def generate(self, feature_shapes: Sequence[Shape], image_shape: Shape) -> "tf.Tensor":
        """The anchors, float32 [A, 4], in pixels (see `AnchorGenerator`); the image's shape does not matter."""
        from boxwright.boxes.anchors import tiling

        return tiling.tile(
            self._only(feature_shapes),
            tiling.sizes(self.kinds, (float(self.height), float(self.width))),
            (float(self.height_stride), float(self.width_stride)),
            (float(self.height_offset), float(self.width_offset)),
        )

    @staticmethod
    def _only(feature_shapes: Sequence[Shape]) -> Shape:
        require_maps(feature_shapes, 1, "grid_anchor_generator: the anchors are for one feature map")
        return feature_shapes[0]


make = GridAnchorGenerator

"""Anchors of a feature pyramid (Lin et al., "Focal Loss for Dense Object Detection", 2017, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boxwright.boxes.anchors.generator import Grid, Kinds, Shape, require_maps, sizes

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class MultiscaleAnchorGenerator:
    """An `AnchorGenerator` for the levels `min_level` to `max_level` of a pyramid.

    The stride of level l is 2^l pixels, and the side of its base anchor is `anchor_scale` strides. Each level has
    `scales_per_octave` scales, up to the base of the next level. The first center is half a stride from the border if
    the image's side is a multiple of the stride, else on the border; in a graph for images of any size it is always
    half a stride from it, as in the OD API. `generate` gives boxes normalised by the image if `normalize_coordinates`,
    else in pixels.
    """

    min_level: int
    max_level: int
    anchor_scale: float
    aspect_ratios: Sequence[float]
    scales_per_octave: int
    normalize_coordinates: bool

    @property
    def kinds(self) -> Kinds:
        """The (scale, aspect ratio) pairs of a place: scales within an octave, from 1; the aspect ratio outermost."""
        octave = [2 ** (step / self.scales_per_octave) for step in range(self.scales_per_octave)]
        return [(scale, ratio) for ratio in self.aspect_ratios for scale in octave]

    @property
    def per_location(self) -> list[int]:
        """How many anchors each place of each feature map has."""
        return [len(self.kinds)] * len(self._levels)

    def grids(
        self, feature_shapes: Sequence[tuple[int, int]], image_shape: tuple[int, int], static: bool = True
    ) -> list[Grid]:
        """Where the anchors lie, in pixels (see `AnchorGenerator`)."""
        self._require(feature_shapes)
        found = []
        for level, shape in zip(self._levels, feature_shapes, strict=True):
            stride = 2.0**level
            centers = [
                np.arange(count) * stride + first
                for count, first in zip(
                    shape, _first_centers(image_shape if static else (None, None), stride), strict=True
                )
            ]
            found.append(Grid(sizes(self.kinds, *[self.anchor_scale * stride] * 2), *centers))
        return found

    def generate(self, feature_shapes: Sequence[Shape], image_shape: Shape) -> "tf.Tensor":
        """The anchors, float32 [A, 4] (see `AnchorGenerator`)."""
        import tensorflow as tf

        from boxwright.boxes.anchors import tiling

        self._require(feature_shapes)
        grids = []
        for level, shape in zip(self._levels, feature_shapes, strict=True):
            stride = 2.0**level
            base = self.anchor_scale * stride
            offset = _first_centers(image_shape, stride)
            grids.append(tiling.tile(shape, tiling.sizes(self.kinds, (base, base)), (stride, stride), offset))
        anchors = tf.concat(grids, axis=0)
        if not self.normalize_coordinates:
            return anchors
        height, width = tiling.sides(image_shape)
        return anchors * tf.stack([1 / height, 1 / width, 1 / height, 1 / width])

    @property
    def _levels(self) -> range:
        return range(self.min_level, self.max_level + 1)

    def _require(self, feature_shapes: Sequence[Shape]) -> None:
        levels = f"levels {self.min_level} to {self.max_level} need {len(self._levels)} feature maps"
        require_maps(feature_shapes, len(self._levels), f"multiscale_anchor_generator: {levels}")


def _first_centers(image_shape: Sequence, stride: float) -> tuple[float, float]:
    """The first center along both sides of an image; sides that are no numbers are known only at run time."""
    known = [isinstance(side, int | np.integer) for side in image_shape]
    if not any(known):
        return 0.5 * stride, 0.5 * stride
    # Of one known side alone the OD API makes no use.
    return tuple(0.5 * stride if all(known) and side % stride == 0 else 0.0 for side in image_shape)


make = MultiscaleAnchorGenerator

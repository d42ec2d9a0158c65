"""The interface of anchor generators, and the grids on which anchors lie, without TensorFlow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from boxwright.core.errors import UserError
from boxwright.core.wording import plural

if TYPE_CHECKING:
    import tensorflow as tf

# Rows and columns, or height and width.
Shape = tuple["int | tf.Tensor", "int | tf.Tensor"]
# The anchors at one place: (scale, aspect ratio) of each; the aspect ratio is width over height.
Kinds = list[tuple[float, float]]


class Grid(NamedTuple):
    """Anchors on one feature map, in pixels of the network's input.

    sizes: float64 [K, 2], height and width of each kind. ys: float64 [rows], centers along y; xs: float64 [columns],
    centers along x.
    """

    sizes: np.ndarray
    ys: np.ndarray
    xs: np.ndarray


class AnchorGenerator(Protocol):
    """Anchors for feature maps of any size.

    Shapes of feature maps are (rows, columns), finest first; the image's is (height, width) in pixels, as the network
    gets it. Both methods raise UserError if the number of feature maps differs from the length of `per_location`.
    """

    @property
    def per_location(self) -> list[int]:
        """How many anchors each place of each feature map has."""

    def grids(
        self, feature_shapes: Sequence[tuple[int, int]], image_shape: tuple[int, int], static: bool = True
    ) -> list[Grid]:
        """Where the anchors lie, one grid for each feature map, in pixels, whatever the units of `generate`.

        static: whether all images have this shape, so that `generate` gets it as numbers.
        """

    def generate(self, feature_shapes: Sequence[Shape], image_shape: Shape) -> "tf.Tensor":
        """The anchors as boxes, float32 [A, 4], not clipped: row-major over y, then x, then the kinds of a place.

        Sizes may be numbers or int32 scalars that are known at run time only. The units are the generator's.
        """


def sizes(kinds: Kinds, height: float, width: float) -> np.ndarray:
    """Heights and widths, float64 [K, 2], of kinds on a base of this height and width."""
    scales, roots = np.array([(scale, ratio**0.5) for scale, ratio in kinds]).T
    return np.stack([scales / roots * height, scales * roots * width], axis=1)


def require_maps(feature_shapes: Sequence[Shape], expected: int, why: str) -> None:
    """Raise UserError unless there are `expected` feature maps; `why` says what needs that many."""
    if len(feature_shapes) != expected:
        raise UserError(f"{why}, but the network has {plural(len(feature_shapes), 'feature map')}.")

"""One map from all maps of a backbone, from the coarsest down, as in CenterNet.

It differs from a feature pyramid (Lin et al. 2016, https://arxiv.org/abs/1612.03144) in that only the finest map is a
result, and that the maps get narrower on the way down.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones import Backbone
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.necks import upsampling
from boxwright.detector.separable import SeparableConvolution

# Keras' defaults.
SETTINGS = Hyperparams(batch_norm=BatchNorm(decay=0.99, scale=True, epsilon=0.001), bias=True)


class TopDown:
    """A path from the coarsest map of the backbone to the finest; a `Neck`.

    Each map gets a 1x1 convolution with a bias, `projection_<level>`. Then, level by level, the map is enlarged
    twofold, the projection of the level is added, and a 3x3 convolution with batch norm and ReLU follows,
    `smoothing_<level>`, which has the width of the next level already.

    scope: the variables are in `<scope>/top_down`.
    widths: of the projections, the coarsest level's but one first; the coarsest has the same as the one below.
    separable: whether the 3x3 convolutions are separable. interpolation: "nearest" or "bilinear".
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        backbone: Backbone,
        *,
        widths: Sequence[int],
        separable: bool,
        interpolation: str,
    ):
        scope = f"{scope}/top_down"
        self._enlarged = {"nearest": upsampling.twice, "bilinear": upsampling.twice_bilinear}[interpolation]
        top, *below = sorted(backbone.channels, reverse=True)
        linear = Hyperparams(activation=None)

        def projection(level: int, width: int) -> Convolution:
            name = f"{scope}/projection_{level}"
            return Convolution(variables, name, backbone.channels[level], width, linear, kernel=1)

        def smoothing(level: int, width: int, next_width: int) -> Convolution:
            name = f"{scope}/smoothing_{level}"
            if separable:
                return SeparableConvolution(variables, name, width, next_width, SETTINGS, SETTINGS)
            return Convolution(variables, name, width, next_width, SETTINGS)

        self._top, self._levels = top, below
        self._first = projection(top, widths[0])
        self._projections: list[Convolution] = []
        self._smoothing: list[Convolution] = []
        for level, width, next_width in zip(below, widths, [*widths[1:], widths[-1]], strict=True):
            self._projections.append(projection(level, width))
            self._smoothing.append(smoothing(level, width, next_width))
        self.level = below[-1]
        self.channels = {self.level: widths[-1]}

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """{level: map [B, h, w, C]} of the backbone -> {finest level: map}. Sides are twice those one level above."""
        x = self._first(maps[self._top], training)
        for level, projection, smoothing in zip(self._levels, self._projections, self._smoothing, strict=True):
            x = smoothing(self._enlarged(x) + projection(maps[level], training), training)
        return {self.level: x}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        pairs = zip(self._projections, self._smoothing, strict=True)
        layers = [self._first, *(layer for pair in pairs for layer in pair)]
        return object_graph.numbered(object_graph.CENTER_NECK, layers, 1)


def make(
    variables: Variables,
    scope: str,
    backbone: Backbone,
    *,
    widths: Sequence[int],
    use_separable_conv: bool = False,
    upsampling_interpolation: str = "nearest",
) -> TopDown:
    """The neck with the widths of the row."""
    return TopDown(
        variables,
        scope,
        backbone,
        widths=widths,
        separable=use_separable_conv,
        interpolation=upsampling_interpolation,
    )

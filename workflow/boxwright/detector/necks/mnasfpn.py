"""MnasFPN: a feature pyramid network whose connections were searched for (Chen et al. 2020, arXiv:1912.01106).

Batch norm and penalties are fixed: no field of the configuration reaches them, `freeze_batchnorm` included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import tensorflow as tf

from boxwright.detector.backbones import Backbone
from boxwright.detector.backbones.widths import make_divisible
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import truncated_normal, variance_scaling
from boxwright.detector.layers import Convolution, Variables, pad_explicitly
from boxwright.detector.necks import upsampling
from boxwright.detector.separable import SeparableConvolution


class MnasFpnBlock(NamedTuple):
    """One sum in a cell.

    inputs: their places among the cell's maps: first the maps that it gets, finest first, then those of its blocks.
    level, kernel: of the result. expansion: channels of the sum at width 1.0.
    """

    inputs: tuple[int, int]
    level: int
    kernel: int
    expansion: int


CELL = (
    MnasFpnBlock((1, 2), 4, 3, 256),
    MnasFpnBlock((0, 4), 3, 3, 128),
    MnasFpnBlock((5, 4), 4, 3, 128),
    MnasFpnBlock((4, 3), 5, 5, 128),
    MnasFpnBlock((4, 3), 6, 3, 96),
)
CELLS = 4
# What the OD API uses without an `fpn` block.
DEFAULT = {"additional_layer_depth": 48}
# Of 1x1 convolutions, which have no activation, and of separable ones.
LINEAR = Hyperparams(
    activation=None,
    initializer=variance_scaling(2.0, "FAN_IN"),
    regularizer=Regularizer("l2", 1e-4),
    batch_norm=BatchNorm(decay=0.99, center=True, scale=True, epsilon=0.01),
)
SEPARABLE = replace(LINEAR, initializer=truncated_normal(stddev=0.536))


class Resize:
    """From the map of one level to that of another with other channels: a 1x1 convolution on the smaller of both.

    steps: how many levels coarser the result is, negative for finer.
    """

    def __init__(
        self, variables: Variables, name: str, channels_in: int, channels: int, steps: int, *, explicit_padding: bool
    ):
        self._steps, self._explicit_padding = steps, explicit_padding
        self._convolution = Convolution(variables, f"{name}/Conv1x1", channels_in, channels, LINEAR, kernel=1)

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, H', W', channels]."""
        if self._steps > 0:
            x = _pooled(x, 2**self._steps, self._explicit_padding)
        x = self._convolution(x, training)
        for _ in range(-self._steps):
            x = upsampling.twice(x)
        return x


# A block with the layers that make its inputs fit, and the convolution after the sum.
BuiltBlock = tuple[MnasFpnBlock, Sequence[Resize], SeparableConvolution]


class MnasFpn:
    """Cells that each turn the maps of all levels into new ones. A `Neck`.

    scope: the variables are `<scope>/C6_Conv1x1/...` and `<scope>/cell_<c>/block_<b>/...`.
    levels: of the maps; the coarsest is pooled from the backbone's coarsest.
    channels: of every map that is returned, at width 1.0.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        backbone: Backbone,
        *,
        levels: range,
        channels: int,
        depth_multiplier: float,
        min_depth: int,
        explicit_padding: bool,
    ):
        def width(wide: int) -> int:
            return make_divisible(wide * depth_multiplier, least=min_depth)

        self._explicit_padding = explicit_padding
        depth = width(channels)
        self.channels = dict.fromkeys(levels, depth)
        self._source = max(backbone.channels)
        self._coarsest = Convolution(
            variables, f"{scope}/C6_Conv1x1", backbone.channels[self._source], depth, LINEAR.unpenalised(), kernel=1
        )
        padding = "EXPLICIT" if explicit_padding else "SAME"
        self._cells: list[list[BuiltBlock]] = []
        wide = [*backbone.channels.values(), depth]
        for number in range(CELLS):
            cell, depths = [], [*wide, *[depth] * len(CELL)]
            places = [*levels, *(block.level for block in CELL)]
            for index, block in enumerate(CELL):
                name, inner = f"{scope}/cell_{number}/block_{index}", width(block.expansion)
                resizes = [
                    Resize(
                        variables,
                        f"{name}/input_{order}",
                        depths[at],
                        inner,
                        block.level - places[at],
                        explicit_padding=explicit_padding,
                    )
                    for order, at in enumerate(block.inputs)
                ]
                convolution = SeparableConvolution(
                    variables,
                    f"{name}/SepConv",
                    inner,
                    depth,
                    SEPARABLE,
                    SEPARABLE,
                    kernel=block.kernel,
                    padding=padding,
                )
                cell.append((block, resizes, convolution))
            self._cells.append(cell)
            wide = [depth] * len(levels)

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """The backbone's maps {level: [B, h, w, C]} -> those of the last cell, finest first.

        The sides of a map must be twice those of the next one.
        """
        coarsest = _pooled(maps[self._source], 2, self._explicit_padding)
        found = [*maps.values(), self._coarsest(coarsest, training)]
        for cell in self._cells:
            found = _cell(cell, found, training)
        return dict(zip(self.channels, found, strict=True))

    def object_graph_keys(self) -> dict[str, str]:
        """None: the network is TF1's."""
        return {}


def _cell(cell: Sequence[BuiltBlock], maps: Sequence[tf.Tensor], training: bool) -> list[tf.Tensor]:
    """The maps after a cell: those of its last blocks, each plus the map that came in on its level if it is as wide."""
    every = list(maps)
    for block, resizes, convolution in cell:
        parts = [resize(every[at], training) for resize, at in zip(resizes, block.inputs, strict=True)]
        every.append(convolution(tf.nn.relu6(tf.add_n(parts)), training))
    made = every[-len(maps) :]
    return [new + old if new.shape[-1] == old.shape[-1] else new for new, old in zip(made, maps, strict=True)]


def _pooled(x: tf.Tensor, stride: int, explicit_padding: bool) -> tf.Tensor:
    """The largest of every 3x3 values of [B, H, W, C]; explicit padding is by zeros, which count."""
    if explicit_padding:
        return tf.nn.max_pool2d(pad_explicitly(x, (3, 3)), 3, stride, "VALID")
    return tf.nn.max_pool2d(x, 3, stride, "SAME")


def make(
    variables: Variables,
    scope: str,
    backbone: Backbone,
    *,
    levels: range,
    fpn: Mapping[str, int] = DEFAULT,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    use_explicit_padding: bool = False,
) -> MnasFpn:
    """The neck with maps of the `levels`, whose variables lie beside those of the backbone."""
    return MnasFpn(
        variables,
        f"{scope.rpartition('/')[0]}/MnasFPN",
        backbone,
        levels=levels,
        channels=fpn["additional_layer_depth"],
        depth_multiplier=depth_multiplier,
        min_depth=min_depth,
        explicit_padding=use_explicit_padding,
    )

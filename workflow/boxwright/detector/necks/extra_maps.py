"""The coarser feature maps of SSD, each made from the one before (Liu et al. 2016, arXiv:1512.02325, fig. 2)."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones import Backbone
from boxwright.detector.hyperparams import Hyperparams, depthwise_of_keras
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables

# Channels of the maps that can be added to those of the backbone, and the side of the kernels with stride 2, unless its
# row says otherwise.
DEPTHS = (512, 256, 256, 128)
KERNEL = 3


class ExtraMaps:
    """A chain of 1x1 (to half the channels) and 3x3 convolutions with stride 2; the 3x3 one may be depthwise plus 1x1.

    backbone: its maps come first; the chain begins at the coarsest, `source`.
    scope: the variables are `<scope>/<source>_1_Conv2d_<i>_1x1_<channels>` and
        `<scope>/<source>_2_Conv2d_<i>_3x3_s2_<channels>`, where i counts all maps from 0, the backbone's included.
    depthwise: settings of the depthwise layers; None: no depthwise layers.
    depths: channels of the maps to add, before the multiplier. kernels: the sides of their kernels with stride 2.
    key: the path of the list of all maps' layers in TF2's object graph; "" for a network of TF1.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        backbone: Backbone,
        hyperparams: Hyperparams,
        depthwise: Hyperparams | None = None,
        *,
        depths: Sequence[int] = DEPTHS,
        kernels: Sequence[int] = (),
        depth_multiplier: float = 1.0,
        min_depth: int = 16,
        explicit_padding: bool = False,
        key: str = "",
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"

        def depth(channels: float) -> int:
            return max(int(channels * depth_multiplier), min_depth)

        self._key = key
        self._first = len(backbone.channels)
        self._steps: dict[int, list[Convolution]] = {}
        self.channels = dict(backbone.channels)
        level = max(backbone.channels)
        source, width = backbone.end_points[level], backbone.channels[level]
        sides = kernels or [KERNEL] * len(depths)
        for index, (channels, side) in enumerate(zip(depths, sides, strict=True), self._first):
            level += 1
            half, full = depth(channels / 2), depth(channels)
            squeeze = f"{scope}/{source}_1_Conv2d_{index}_1x1_{half}"
            shrink = f"{scope}/{source}_2_Conv2d_{index}_{side}x{side}_s2_{full}"
            shape = {"kernel": side, "stride": 2, "padding": padding}
            step = [Convolution(variables, squeeze, width, half, hyperparams, kernel=1)]
            if depthwise is not None:
                step += [
                    DepthwiseConvolution(variables, f"{shrink}_depthwise", half, depthwise, **shape),
                    Convolution(variables, shrink, half, full, hyperparams, kernel=1),
                ]
            else:
                step.append(Convolution(variables, shrink, half, full, hyperparams, **shape))
            self._steps[level] = step
            self.channels[level] = width = full

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """The backbone's maps {level: [B, h, w, C]} and the added ones, finest first."""
        found = dict(maps)
        x = found[max(found)]
        for level, step in self._steps.items():
            for layer in step:
                x = layer(x, training)
            found[level] = x
        return found

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self._key:
            return {}
        found: dict[str, str] = {}
        for index, step in enumerate(self._steps.values(), self._first):
            found |= object_graph.listed(f"{self._key}/convolutions/{index}", step)
        return found


def make(
    variables: Variables,
    scope: str,
    backbone: Backbone,
    *,
    conv_hyperparams: Hyperparams,
    num_layers: int = 6,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    use_explicit_padding: bool = False,
    use_depthwise: bool = False,
    keras: bool = False,
    extra_maps_key: str = "",
    extra_depths: Sequence[int] = (),
    extra_kernels: Sequence[int] = (),
) -> ExtraMaps:
    """The neck that adds maps to the backbone's until there are `num_layers`."""
    depthwise = None
    if use_depthwise:
        depthwise = depthwise_of_keras(conv_hyperparams) if keras else conv_hyperparams
    return ExtraMaps(
        variables,
        scope,
        backbone,
        conv_hyperparams,
        depthwise,
        depths=(extra_depths or DEPTHS)[: num_layers - len(backbone.channels)],
        kernels=extra_kernels,
        depth_multiplier=depth_multiplier,
        min_depth=min_depth,
        explicit_padding=use_explicit_padding,
        key=f"{object_graph.EXTRACTOR}/{extra_maps_key}" if keras else "",
    )

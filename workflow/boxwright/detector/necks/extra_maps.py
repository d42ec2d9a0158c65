"""The coarser feature maps of SSD, each from the one before (Liu et al. 2016, arXiv:1512.02325, fig. 2)."""

import tensorflow as tf

from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables

# Channels of the four maps after the two of the backbone.
DEPTHS = (512, 256, 256, 128)


class ExtraMaps:
    """A chain of (1x1 to half the channels, 3x3 with stride 2), or with a depthwise 3x3 and a 1x1 in place of the 3x3.

    scope, source: the variables are `<scope>/<source>_1_Conv2d_<i>_1x1_<channels>` and
        `<scope>/<source>_2_Conv2d_<i>_3x3_s2_<channels>`, where i counts all maps from 0, the backbone's two included.
    depthwise: settings of the depthwise layers; None: there are none.
    count: how many maps to make, at most 4.
    `channels` lists the channels of each map, `steps` the layers of each.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        source: str,
        channels_in: int,
        hyperparams: Hyperparams,
        depthwise: Hyperparams | None = None,
        *,
        count: int = 4,
        depth_multiplier: float = 1.0,
        min_depth: int = 16,
        explicit_padding: bool = False,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"

        def depth(channels: float) -> int:
            return max(int(channels * depth_multiplier), min_depth)

        self.steps: list[list[Convolution]] = []
        self.channels: list[int] = []
        width = channels_in
        for index, channels in enumerate(DEPTHS[:count], 2):
            half, full = depth(channels / 2), depth(channels)
            squeeze = f"{scope}/{source}_1_Conv2d_{index}_1x1_{half}"
            shrink = f"{scope}/{source}_2_Conv2d_{index}_3x3_s2_{full}"
            step = [Convolution(variables, squeeze, width, half, hyperparams, kernel=1)]
            if depthwise is not None:
                step += [
                    DepthwiseConvolution(variables, f"{shrink}_depthwise", half, depthwise, stride=2, padding=padding),
                    Convolution(variables, shrink, half, full, hyperparams, kernel=1),
                ]
            else:
                step.append(Convolution(variables, shrink, half, full, hyperparams, stride=2, padding=padding))
            self.steps.append(step)
            self.channels.append(full)
            width = full

    def __call__(self, x: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """The maps, finest first, from the backbone's last one [B, H, W, channels_in]."""
        maps = []
        for step in self.steps:
            for layer in step:
                x = layer(x, training)
            maps.append(x)
        return maps

"""MobileNet v2 up to its last convolution (Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2)."""

import tensorflow as tf

from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables

# Expansion, output channels and stride of the 17 inverted residual blocks.
BLOCKS = (
    (1, 16, 1),
    (6, 24, 2),
    (6, 24, 1),
    (6, 32, 2),
    *[(6, 32, 1)] * 2,
    (6, 64, 2),
    *[(6, 64, 1)] * 3,
    *[(6, 96, 1)] * 3,
    (6, 160, 2),
    *[(6, 160, 1)] * 2,
    (6, 320, 1),
)
LAST_CHANNELS = 1280


def make_divisible(channels: float, divisor: int = 8, least: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, at least `least`, and not more than 10 % below `channels`."""
    rounded = max(least, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class InvertedResidual:
    """Expand (1x1), filter (3x3 depthwise), project (1x1, linear); added to its input if `residual`.

    inner: channels after the expansion.
    """

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        channels_out: int,
        inner: int,
        stride: int,
        padding: str,
        hyperparams: Hyperparams,
        depthwise: Hyperparams,
        *,
        expanded: bool,
        residual: bool,
    ):
        self.residual = residual
        self.expand = None
        if expanded:
            self.expand = Convolution(variables, f"{name}/expand", channels_in, inner, hyperparams, kernel=1)
        self.filter = DepthwiseConvolution(
            variables, f"{name}/depthwise", inner, depthwise, stride=stride, padding=padding
        )
        self.project = Convolution(variables, f"{name}/project", inner, channels_out, hyperparams.linear(), kernel=1)

    def layers(self) -> list[Convolution]:
        """Its convolutions in order."""
        return [layer for layer in (self.expand, self.filter, self.project) if layer is not None]

    def __call__(self, x: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """(output, expansion) of [B, H, W, C]."""
        expansion = x if self.expand is None else self.expand(x, training)
        y = self.project(self.filter(expansion, training), training)
        return (y + x if self.residual else y), expansion


class MobileNetV2:
    """Conv, expanded_conv to expanded_conv_16, Conv_1; stride 32.

    scope: where the variables are, e.g. "FeatureExtractor/MobilenetV2".
    hyperparams, depthwise: settings of the full and of the depthwise convolutions (they differ in the regularizer).
    channels_in: channels of the image.
    depth_multiplier, min_depth: a layer of d channels gets make_divisible(d * depth_multiplier, 8, min_depth).
    keras: the network of TF2, whose multiplier and least width act otherwise in places.
    explicit_padding: pad by the kernel's size instead of "SAME".
    `channels` gives the number of channels of the two end points that `__call__` returns.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        hyperparams: Hyperparams,
        depthwise: Hyperparams,
        *,
        channels_in: int = 3,
        depth_multiplier: float = 1.0,
        min_depth: int = 8,
        explicit_padding: bool = False,
        keras: bool = False,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"

        def scaled(channels: int) -> int:
            if keras:
                return make_divisible(int(channels * depth_multiplier))
            return make_divisible(channels * depth_multiplier, least=min_depth)

        def depth(channels: int) -> int:
            return max(scaled(channels), min_depth)

        width = depth(32)
        self.stem = Convolution(variables, f"{scope}/Conv", channels_in, width, hyperparams, stride=2, padding=padding)
        self.blocks = []
        for index, (expansion, channels, stride) in enumerate(BLOCKS):
            expanded = expansion > 1
            inner = make_divisible(width * expansion) if expanded and not keras else width * expansion
            # The TF2 network compares with the width before `min_depth`: a block that this widens has no shortcut.
            residual = stride == 1 and width == (scaled(channels) if keras else depth(channels))
            self.blocks.append(
                InvertedResidual(
                    variables,
                    f"{scope}/expanded_conv{f'_{index}' if index else ''}",
                    width,
                    depth(channels),
                    inner,
                    stride,
                    padding,
                    hyperparams,
                    depthwise,
                    expanded=expanded,
                    residual=residual,
                )
            )
            width = depth(channels)
        # The TF2 network's last convolution grows no wider than it is at a multiplier of 1.
        last = max(LAST_CHANNELS, min_depth) if keras and depth_multiplier >= 1 else depth(LAST_CHANNELS)
        self.last = Convolution(variables, f"{scope}/Conv_1", width, last, hyperparams, kernel=1)
        # Counted from 1 with the stem, block 13 is layer 15 and the last convolution layer 19.
        self.channels = {
            "layer_15/expansion_output": self.blocks[13].expand.channels_out,
            "layer_19": self.last.channels_out,
        }

    def layers(self) -> list[Convolution]:
        """All convolutions in order."""
        return [self.stem, *[layer for block in self.blocks for layer in block.layers()], self.last]

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """[B, H, W, channels_in] -> the end points layer_15/expansion_output (stride 16) and layer_19 (stride 32)."""
        x, expansions = self.stem(images, training), []
        for block in self.blocks:
            x, expansion = block(x, training)
            expansions.append(expansion)
        return {"layer_15/expansion_output": expansions[13], "layer_19": self.last(x, training)}

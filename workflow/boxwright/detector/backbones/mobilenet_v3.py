"""MobileNet v3, large and small, for detection (Howard et al. 2019, https://arxiv.org/abs/1905.02244, tables 1 and 2).

The last blocks have half of the published channels, as section 6.3 of the paper has it for detection. The minimalistic
networks are for accelerators that are slow at the rest: they have 3x3 kernels and ReLU only, and weigh no channels.
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.detector.backbones.hard_swish import hard_swish
from boxwright.detector.backbones.inverted_residuals import InvertedResidual, InvertedResiduals
from boxwright.detector.backbones.mobilenet_settings import of_inverted_residuals
from boxwright.detector.backbones.squeeze_excite import SqueezeExcite
from boxwright.detector.backbones.widths import make_divisible
from boxwright.detector.hyperparams import Activation, Hyperparams
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables


def gate(x: tf.Tensor) -> tf.Tensor:
    """The hard sigmoid with a sixth that is rounded to five places, as the trained networks have it."""
    return tf.nn.relu6(x + 3.0) * 0.16667


class MobileNetV3Block(NamedTuple):
    """An inverted residual block: its expansion as a multiple of the input's channels, and its output at width 1.0."""

    kernel: int
    expansion: float
    channels: int
    stride: int
    squeeze: bool
    activation: Activation


class MobileNetV3Size(NamedTuple):
    """A published size: its blocks, the channels of the last convolution, the layers of an SSD's maps by level.

    activation: of the first and the last convolution.
    """

    blocks: tuple[MobileNetV3Block, ...]
    last: int
    end_points: dict[int, str]
    activation: Activation = hard_swish

    def minimalistic(self) -> "MobileNetV3Size":
        """The network of this size for accelerators."""
        blocks = tuple(block._replace(kernel=3, squeeze=False, activation=tf.nn.relu) for block in self.blocks)
        return self._replace(blocks=blocks, activation=tf.nn.relu)


_RELU, _SWISH = tf.nn.relu, hard_swish
STEM = 16
SIZES = {
    "large": MobileNetV3Size(
        (
            MobileNetV3Block(3, 1, 16, 1, False, _RELU),
            MobileNetV3Block(3, 4, 24, 2, False, _RELU),
            MobileNetV3Block(3, 3, 24, 1, False, _RELU),
            MobileNetV3Block(5, 3, 40, 2, True, _RELU),
            MobileNetV3Block(5, 3, 40, 1, True, _RELU),
            MobileNetV3Block(5, 3, 40, 1, True, _RELU),
            MobileNetV3Block(3, 6, 80, 2, False, _SWISH),
            MobileNetV3Block(3, 2.5, 80, 1, False, _SWISH),
            MobileNetV3Block(3, 184 / 80, 80, 1, False, _SWISH),
            MobileNetV3Block(3, 184 / 80, 80, 1, False, _SWISH),
            MobileNetV3Block(3, 6, 112, 1, True, _SWISH),
            MobileNetV3Block(3, 6, 112, 1, True, _SWISH),
            MobileNetV3Block(5, 6, 80, 2, True, _SWISH),
            MobileNetV3Block(5, 6, 80, 1, True, _SWISH),
            MobileNetV3Block(5, 6, 80, 1, True, _SWISH),
        ),
        480,
        {4: "layer_14/expansion_output", 5: "layer_17"},
    ),
    "small": MobileNetV3Size(
        (
            MobileNetV3Block(3, 1, 16, 2, True, _RELU),
            MobileNetV3Block(3, 72 / 16, 24, 2, False, _RELU),
            MobileNetV3Block(3, 88 / 24, 24, 1, False, _RELU),
            MobileNetV3Block(5, 4, 40, 2, True, _SWISH),
            MobileNetV3Block(5, 6, 40, 1, True, _SWISH),
            MobileNetV3Block(5, 6, 40, 1, True, _SWISH),
            MobileNetV3Block(5, 3, 48, 1, True, _SWISH),
            MobileNetV3Block(5, 3, 48, 1, True, _SWISH),
            MobileNetV3Block(5, 6, 48, 2, True, _SWISH),
            MobileNetV3Block(5, 6, 48, 1, True, _SWISH),
            MobileNetV3Block(5, 6, 48, 1, True, _SWISH),
        ),
        288,
        {4: "layer_10/expansion_output", 5: "layer_13"},
    ),
}
SIZES |= {f"{name}_minimalistic": size.minimalistic() for name, size in SIZES.items()}


def features(
    variables: Variables,
    scope: str,
    *,
    size: str,
    conv_hyperparams: Hyperparams,
    override_base_feature_extractor_hyperparams: bool = False,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    channels_in: int = 3,
    freeze_batchnorm: bool = False,
) -> InvertedResiduals:
    """The network of a size of `SIZES`; a layer of d channels gets make_divisible(d * depth_multiplier, 8, min_depth).

    The activations are always those of the paper.
    """
    overridden = conv_hyperparams if override_base_feature_extractor_hyperparams else None
    hyperparams, depthwise = of_inverted_residuals(overridden, freeze_batchnorm=freeze_batchnorm)
    blocks, last, end_points, activation = SIZES[size]

    def width(channels: int) -> int:
        return make_divisible(channels * depth_multiplier, least=min_depth)

    ends = hyperparams.activated(activation)
    stem = Convolution(variables, f"{scope}/Conv", channels_in, width(STEM), ends, stride=2)
    channels, built = stem.channels_out, []
    for index, block in enumerate(blocks):
        name = f"{scope}/expanded_conv{f'_{index}' if index else ''}"
        inner = make_divisible(channels * block.expansion)
        expand = weigh = None
        if inner > channels:
            settings = hyperparams.activated(block.activation)
            expand = Convolution(variables, f"{name}/expand", channels, inner, settings, kernel=1)
        settings = depthwise.activated(block.activation)
        filter_ = DepthwiseConvolution(
            variables,
            f"{name}/depthwise",
            inner,
            settings,
            kernel=block.kernel,
            stride=block.stride,
        )
        if block.squeeze:
            squeezed = make_divisible(inner / 4)
            weigh = SqueezeExcite(variables, f"{name}/squeeze_excite", inner, squeezed, hyperparams, tf.nn.relu, gate)
        wide = width(block.channels)
        project = Convolution(variables, f"{name}/project", inner, wide, hyperparams.linear(), kernel=1)
        residual = block.stride == 1 and channels == wide
        built.append(InvertedResidual(expand, filter_, weigh, project, residual=residual))
        channels = wide
    end = Convolution(variables, f"{scope}/Conv_1", channels, width(last), ends, kernel=1)
    return InvertedResiduals(stem, built, end, end_points)

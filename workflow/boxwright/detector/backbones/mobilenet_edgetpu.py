"""MobileNet EdgeTPU, for Coral's accelerator (Xiong et al. 2021, https://arxiv.org/abs/2004.14525, section 3).

Its first blocks expand and filter in one full convolution, which that accelerator computes faster than a depthwise one.
"""

from typing import NamedTuple

import tensorflow as tf

from boxwright.detector.backbones.inverted_residuals import InvertedResidual, InvertedResiduals
from boxwright.detector.backbones.mobilenet_settings import of_inverted_residuals
from boxwright.detector.backbones.widths import make_divisible
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables


class EdgeTpuBlock(NamedTuple):
    """An inverted residual block: its expansion as a multiple of the input's channels, and its output at width 1.0.

    fused: whether one full convolution expands and filters. residual: whether the input may be added.
    """

    kernel: int
    expansion: int
    channels: int
    stride: int = 1
    fused: bool = False
    residual: bool = True


ACTIVATION = tf.nn.relu
STEM = 32
BLOCKS = (
    EdgeTpuBlock(1, 1, 16, fused=True),
    EdgeTpuBlock(3, 8, 32, 2, fused=True),
    *[EdgeTpuBlock(3, 4, 32, fused=True)] * 3,
    EdgeTpuBlock(3, 8, 48, 2, fused=True),
    *[EdgeTpuBlock(3, 4, 48, fused=True)] * 3,
    EdgeTpuBlock(3, 8, 96, 2),
    *[EdgeTpuBlock(3, 4, 96)] * 3,
    EdgeTpuBlock(3, 8, 96, residual=False),
    *[EdgeTpuBlock(3, 4, 96)] * 3,
    EdgeTpuBlock(5, 8, 160, 2),
    *[EdgeTpuBlock(5, 4, 160)] * 3,
    EdgeTpuBlock(3, 8, 192),
)
# The feature maps of an SSD.
END_POINTS = {4: "layer_18/expansion_output", 5: "layer_23"}


def features(
    variables: Variables,
    scope: str,
    *,
    conv_hyperparams: Hyperparams,
    override_base_feature_extractor_hyperparams: bool = False,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    channels_in: int = 3,
    freeze_batchnorm: bool = False,
) -> InvertedResiduals:
    """The network; a layer of d channels gets make_divisible(d * depth_multiplier, 8, min_depth)."""
    overridden = conv_hyperparams if override_base_feature_extractor_hyperparams else None
    hyperparams, depthwise = of_inverted_residuals(overridden, freeze_batchnorm=freeze_batchnorm)
    hyperparams, depthwise = (settings.activated(ACTIVATION) for settings in (hyperparams, depthwise))

    def width(channels: int) -> int:
        return make_divisible(channels * depth_multiplier, least=min_depth)

    stem = Convolution(variables, f"{scope}/Conv", channels_in, width(STEM), hyperparams, stride=2)
    channels, built = stem.channels_out, []
    for index, block in enumerate(BLOCKS):
        name = f"{scope}/expanded_conv{f'_{index}' if index else ''}"
        inner, wide = make_divisible(channels * block.expansion), width(block.channels)
        shape = {"kernel": block.kernel, "stride": block.stride}
        expand = filter_ = None
        if block.expansion > 1:
            expansion = shape if block.fused else {"kernel": 1}
            expand = Convolution(variables, f"{name}/expand", channels, inner, hyperparams, **expansion)
        if not block.fused:
            filter_ = DepthwiseConvolution(variables, f"{name}/depthwise", inner, depthwise, **shape)
        project = Convolution(variables, f"{name}/project", inner, wide, hyperparams.linear(), kernel=1)
        residual = block.residual and block.stride == 1 and channels == wide
        built.append(InvertedResidual(expand, filter_, None, project, residual=residual))
        channels = wide
    return InvertedResiduals(stem, built, None, END_POINTS)

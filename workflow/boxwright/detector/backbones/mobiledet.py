"""MobileDets for CPUs, DSPs, EdgeTPUs and GPUs (Xiong et al. 2021, https://arxiv.org/abs/2004.14525, appendix).

Batch norm and penalties of the backbone are fixed: no field of the configuration reaches them, `freeze_batchnorm`
included. `min_depth` is not used either.
"""

from collections import Counter
from typing import NamedTuple

import tensorflow as tf

from boxwright.detector.backbones.hard_swish import hard_swish
from boxwright.detector.backbones.inverted_residuals import InvertedResidual, InvertedResiduals
from boxwright.detector.backbones.squeeze_excite import SqueezeExcite
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import variance_scaling
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables


class MobileDetBlock(NamedTuple):
    """A block by its name in the variables.

    IBNNoExpansion: a depthwise convolution, then a 1x1. IBN: the same after a 1x1 that expands. FusedConv: a full
    convolution that expands, then a 1x1. TuckerConv: 1x1, a full convolution, 1x1.

    channels: of the output at width 1.0. widths: the expansion as a multiple of the input's channels; for TuckerConv
    the width of the first convolution as a share of the input's, and of the second as a share of the output's.
    residual: whether the input is added.
    """

    kind: str
    channels: int
    widths: tuple[float, ...]
    kernel: int = 3
    stride: int = 1
    residual: bool = True


class MobileDetTarget(NamedTuple):
    """The network for one kind of device: the stem's channels, the blocks, which of them (from 1) gives each level."""

    stem: int
    blocks: tuple[MobileDetBlock, ...]
    taps: dict[int, int]
    squeeze: bool = False


def _ibn(channels: int, expansion: int, kernel: int = 3, **settings) -> MobileDetBlock:
    return MobileDetBlock("IBN", channels, (expansion,), kernel, **settings)


def _fused(channels: int, expansion: int, kernel: int = 3, **settings) -> MobileDetBlock:
    return MobileDetBlock("FusedConv", channels, (expansion,), kernel, **settings)


def _tucker(channels: int, first: float, second: float, **settings) -> MobileDetBlock:
    return MobileDetBlock("TuckerConv", channels, (first, second), **settings)


def _bare(channels: int) -> MobileDetBlock:
    return MobileDetBlock("IBNNoExpansion", channels, (), residual=False)


# The first block of a resolution or width has no residual.
_HALF = {"stride": 2, "residual": False}
_NEW = {"residual": False}
TARGETS = {
    "CPU": MobileDetTarget(
        16,
        (
            _bare(8),
            _ibn(16, 4, **_HALF),
            _ibn(32, 8, **_HALF),
            *[_ibn(32, 4)] * 3,
            _ibn(72, 8, 5, **_HALF),
            _ibn(72, 8),
            _ibn(72, 4, 5),
            _ibn(72, 4),
            _ibn(72, 8, **_NEW),
            *[_ibn(72, 8)] * 3,
            _ibn(104, 8, 5, **_HALF),
            *[_ibn(104, 4, 5)] * 2,
            _ibn(104, 4),
            _ibn(144, 8, **_NEW),
        ),
        {4: 14, 5: 19},
        squeeze=True,
    ),
    "EdgeTPU": MobileDetTarget(
        32,
        (
            _tucker(16, 0.25, 0.75, **_NEW),
            _fused(16, 8, **_HALF),
            _fused(16, 4),
            _fused(16, 8),
            _fused(16, 4),
            _fused(40, 8, 5, **_HALF),
            *[_fused(40, 4)] * 3,
            _ibn(72, 8, **_HALF),
            _ibn(72, 8),
            *[_fused(72, 4)] * 2,
            _ibn(96, 8, 5, **_NEW),
            _ibn(96, 8, 5),
            *[_ibn(96, 8)] * 2,
            _ibn(120, 8, 5, **_HALF),
            _ibn(120, 8),
            _ibn(120, 4, 5),
            _ibn(120, 8),
            _ibn(384, 8, 5, **_NEW),
        ),
        {4: 17, 5: 22},
    ),
    "DSP": MobileDetTarget(
        32,
        (
            _bare(24),
            _fused(32, 4, **_HALF),
            _fused(32, 4),
            _ibn(32, 4),
            _tucker(32, 0.25, 0.75),
            _fused(64, 8, **_HALF),
            _ibn(64, 4),
            *[_fused(64, 4)] * 2,
            _fused(120, 8, **_HALF),
            _ibn(120, 4),
            *[_ibn(120, 8)] * 2,
            _fused(144, 8, **_NEW),
            *[_ibn(144, 8)] * 3,
            _ibn(160, 4, **_HALF),
            _ibn(160, 4),
            _fused(160, 4),
            _tucker(160, 0.75, 0.75),
            _ibn(240, 8, **_NEW),
        ),
        {4: 17, 5: 22},
    ),
    "GPU": MobileDetTarget(
        32,
        (
            _tucker(16, 0.25, 0.25, **_NEW),
            _fused(32, 8, **_HALF),
            *[_tucker(32, 0.25, 0.25)] * 3,
            _fused(64, 8, **_HALF),
            *[_fused(64, 8)] * 2,
            _fused(64, 4),
            _fused(128, 8, **_HALF),
            *[_fused(128, 4)] * 3,
            _fused(128, 8, **_NEW),
            *[_fused(128, 8)] * 3,
            _fused(128, 4, **_HALF),
            *[_fused(128, 4)] * 3,
            _ibn(384, 8, **_NEW),
        ),
        {4: 17, 5: 22},
    ),
}
PUBLISHED = Hyperparams(
    activation=tf.nn.relu6,
    initializer=variance_scaling(2.0, "FAN_IN"),
    regularizer=Regularizer("l2", 4e-5),
    batch_norm=BatchNorm(decay=0.99, center=True, scale=True, epsilon=0.01),
)


def features(
    variables: Variables, scope: str, *, target: str, depth_multiplier: float = 1.0, channels_in: int = 3
) -> InvertedResiduals:
    """The network for a kind of device of `TARGETS`."""
    stem, blocks, taps, squeeze = TARGETS[target]
    hyperparams = PUBLISHED.activated(hard_swish) if squeeze else PUBLISHED
    first = Convolution(variables, f"{scope}/Conv", channels_in, _wide(stem, depth_multiplier), hyperparams, stride=2)
    seen: Counter[str] = Counter()
    channels, built = first.channels_out, []
    for block in blocks:
        count = seen[block.kind]
        seen[block.kind] += 1
        name = f"{scope}/{block.kind}{f'_{count}' if count else ''}"
        wide = _wide(block.channels, depth_multiplier)
        built.append(_block(variables, name, block, channels, wide, squeeze, hyperparams))
        channels = wide
    return InvertedResiduals(
        first,
        built,
        None,
        {level: f"layer_{number + 1}" for level, number in taps.items()},
        names={level: f"C{level}" for level in taps},
    )


def _block(
    variables: Variables,
    name: str,
    block: MobileDetBlock,
    channels: int,
    channels_out: int,
    squeeze: bool,
    hyperparams: Hyperparams,
) -> InvertedResidual:
    """The layers of a block; the convolutions of each are numbered from `Conv` on."""
    shape = {"kernel": block.kernel, "stride": block.stride}
    expand = filter_ = weigh = None
    inner = channels
    if block.kind == "TuckerConv":
        inner = _wide(channels, block.widths[0])
        expand = Convolution(variables, f"{name}/Conv", channels, inner, hyperparams, kernel=1)
        between, inner = inner, _wide(channels_out, block.widths[1])
        filter_ = Convolution(variables, f"{name}/Conv_1", between, inner, hyperparams, **shape)
    elif block.kind == "FusedConv":
        inner = channels * block.widths[0]
        expand = Convolution(variables, f"{name}/Conv", channels, inner, hyperparams, **shape)
    else:
        if block.kind == "IBN":
            inner = channels * block.widths[0]
            expand = Convolution(variables, f"{name}/Conv", channels, inner, hyperparams, kernel=1)
        filter_ = DepthwiseConvolution(variables, f"{name}/SeparableConv2d", inner, hyperparams, **shape)
        if squeeze:
            weigh = SqueezeExcite(
                variables, f"{name}/SqueezeExcite", inner, _wide(inner, 0.25), hyperparams, hard_swish, tf.sigmoid
            )
    number = sum(layer is not None and not isinstance(layer, DepthwiseConvolution) for layer in (expand, filter_))
    last = f"{name}/Conv{f'_{number}' if number else ''}"
    project = Convolution(variables, last, inner, channels_out, hyperparams.linear(), kernel=1)
    return InvertedResidual(expand, filter_, weigh, project, residual=block.residual)


def _wide(channels: int, multiplier: float) -> int:
    """The multiple of 8 nearest to `channels` * `multiplier`, at least 8."""
    return max(8 * int(channels * multiplier / 8 + 0.5), 8)

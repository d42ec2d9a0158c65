"""MobileNet v2 up to its last convolution (Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from boxwright.detector import object_graph
from boxwright.detector.backbones.inverted_residuals import InvertedResidual, InvertedResiduals
from boxwright.detector.backbones.mobilenet_settings import PUBLISHED, for_pyramid, of_inverted_residuals
from boxwright.detector.backbones.widths import make_divisible
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
# The feature maps of an SSD, and those of a pyramid. Layers are counted from 1 with the stem, so block 13 is layer 15.
END_POINTS: Mapping[int, str] = {4: "layer_15/expansion_output", 5: "layer_19"}
PYRAMID: Mapping[int, str] = {2: "layer_4", 3: "layer_7", 4: "layer_14", 5: "layer_19"}
# The maps of a CenterNet.
OF_CENTERS: Mapping[int, str] = {2: "layer_4", 3: "layer_7", 4: "layer_11", 5: "layer_19"}
# Channels of the last convolution below a pyramid of TF1 with depthwise convolutions.
LAST_CHANNELS_OF_LITE = 256


class Widths(NamedTuple):
    """The widths of layers, which the networks of TF1 and TF2 (`keras`) derive from the multiplier in other ways."""

    depth_multiplier: float = 1.0
    min_depth: int = 16
    keras: bool = False

    def scaled(self, channels: int) -> int:
        """The multiplied channels; TF1's are already as many as `min_depth`."""
        if self.keras:
            return make_divisible(int(channels * self.depth_multiplier))
        return make_divisible(channels * self.depth_multiplier, least=self.min_depth)

    def depth(self, channels: int) -> int:
        """The width of a layer with so many channels at width 1.0."""
        return max(self.scaled(channels), self.min_depth)


def features(
    variables: Variables,
    scope: str,
    *,
    conv_hyperparams: Hyperparams,
    override_base_feature_extractor_hyperparams: bool = False,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    use_explicit_padding: bool = False,
    channels_in: int = 3,
    use_depthwise: bool = False,
    keras: bool = False,
    freeze_batchnorm: bool = False,
    pyramid: bool = False,
    end_points: Mapping[int, str] | None = None,
    levels: range = range(2, 6),
) -> InvertedResiduals:
    """The network of TF1, or of TF2 (`keras`), which differ in how they apply the multiplier and the minimum width.

    pyramid: whether it is for a feature pyramid, which has these `levels`. end_points: other layers than the usual.
    """
    overridden = conv_hyperparams if override_base_feature_extractor_hyperparams else None
    hyperparams, depthwise = settings(overridden, keras=keras, freeze_batchnorm=freeze_batchnorm)
    widths = Widths(depth_multiplier, min_depth, keras)
    last = LAST_CHANNELS_OF_LITE if pyramid and use_depthwise and not keras else LAST_CHANNELS
    # The last convolution of the TF2 network never gets wider than at a multiplier of 1.
    last = max(last, min_depth) if keras and depth_multiplier >= 1 else widths.depth(last)
    found = network(
        variables,
        scope,
        hyperparams,
        depthwise,
        widths,
        channels_in=channels_in,
        padding="EXPLICIT" if use_explicit_padding else "SAME",
        last=last,
        end_points=end_points or (for_pyramid(PYRAMID, levels, keras) if pyramid else END_POINTS),
    )
    # Their kernels are in the penalty.
    variables.leave_out(name for layer in found.unused() if layer.normalizer for name in layer.normalizer.names)
    return found


def network(
    variables: Variables,
    scope: str,
    hyperparams: Hyperparams,
    depthwise: Hyperparams,
    widths: Widths,
    *,
    channels_in: int,
    padding: str,
    last: int | None,
    end_points: Mapping[int, str],
    key: str = object_graph.BACKBONE,
) -> InvertedResiduals:
    """The network with these settings of full and of depthwise convolutions.

    last: channels of the last convolution; None: the network ends before it. key: the path of the layers in TF2's
    object graph.
    """
    keras, depth = widths.keras, widths.depth
    width = depth(32)
    stem = Convolution(variables, f"{scope}/Conv", channels_in, width, hyperparams, stride=2, padding=padding)
    blocks: list[InvertedResidual] = []
    for index, (expansion, channels, stride) in enumerate(BLOCKS):
        name = f"{scope}/expanded_conv{f'_{index}' if index else ''}"
        inner, expand = width * expansion, None
        if expansion > 1:
            inner = inner if keras else make_divisible(inner)
            expand = Convolution(variables, f"{name}/expand", width, inner, hyperparams, kernel=1)
        filter_ = DepthwiseConvolution(variables, f"{name}/depthwise", inner, depthwise, stride=stride, padding=padding)
        project = Convolution(variables, f"{name}/project", inner, depth(channels), hyperparams.linear(), kernel=1)
        # The TF2 network compares with the width before `min_depth`, so a block widened by it has no shortcut.
        residual = stride == 1 and width == (widths.scaled(channels) if keras else depth(channels))
        blocks.append(InvertedResidual(expand, filter_, None, project, residual=residual))
        width = depth(channels)
    end = None if last is None else Convolution(variables, f"{scope}/Conv_1", width, last, hyperparams, kernel=1)
    return InvertedResiduals(stem, blocks, end, end_points, keras=keras, key=key)


def center_features(
    variables: Variables, scope: str, *, depth_multiplier: float = 1.0, channels_in: int = 3
) -> InvertedResiduals:
    """The network of a CenterNet, which is TF2's and has no penalties."""
    plain, widths = PUBLISHED.unpenalised(), Widths(depth_multiplier, min_depth=0, keras=True)
    return network(
        variables,
        scope,
        plain,
        plain,
        widths,
        channels_in=channels_in,
        padding="SAME",
        last=LAST_CHANNELS if depth_multiplier >= 1 else widths.depth(LAST_CHANNELS),
        end_points=OF_CENTERS,
        key=object_graph.CENTER_BACKBONE,
    )


def settings(overridden: Hyperparams | None, *, keras: bool, freeze_batchnorm: bool) -> tuple[Hyperparams, Hyperparams]:
    """The settings of full and of depthwise convolutions: the configured ones if they override the published ones."""
    if not keras:
        return of_inverted_residuals(overridden, freeze_batchnorm=freeze_batchnorm)
    if overridden is None:
        published = PUBLISHED.with_batch_norm(train=not freeze_batchnorm)
        return published, published
    # No layer of the Keras network has a bias, even if the settings have no batch norm.
    base = replace(overridden, bias=False)
    return base, base

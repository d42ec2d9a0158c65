"""MobileNet v2 up to its last convolution (Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2)."""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.mobilenet_settings import PUBLISHED, of_inverted_residuals
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
# Channels of the last convolution below a pyramid of TF1 with depthwise convolutions.
LAST_CHANNELS_OF_LITE = 256


class InvertedResidual:
    """Expand (1x1), filter (3x3 depthwise), project (1x1, linear); the input is added to the result if `residual`.

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
    """Conv, expanded_conv to expanded_conv_16, Conv_1; stride 32. A `Backbone`.

    scope: where the variables are, e.g. "FeatureExtractor/MobilenetV2".
    hyperparams, depthwise: settings of the full and of the depthwise convolutions (they differ in the regularizer).
    channels_in: channels of the image.
    depth_multiplier, min_depth: a layer of d channels gets make_divisible(d * depth_multiplier, 8, min_depth).
    keras: whether this is TF2's network, which applies the multiplier and the minimum width differently in places.
    last_channels: of the last convolution, before the multiplier.
    explicit_padding: pad by the kernel's size instead of "SAME".
    end_points: the layer whose output is returned, by level: "layer_<n>", or "layer_<n>/expansion_output" for the
        output of the block's expansion, before its stride.
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
        last_channels: int = LAST_CHANNELS,
        end_points: Mapping[int, str] = END_POINTS,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"
        self._keras = keras

        def scaled(channels: int) -> int:
            if keras:
                return make_divisible(int(channels * depth_multiplier))
            return make_divisible(channels * depth_multiplier, least=min_depth)

        def depth(channels: int) -> int:
            return max(scaled(channels), min_depth)

        width = depth(32)
        self.stem = Convolution(variables, f"{scope}/Conv", channels_in, width, hyperparams, stride=2, padding=padding)
        self.blocks: list[InvertedResidual] = []
        for index, (expansion, channels, stride) in enumerate(BLOCKS):
            expanded = expansion > 1
            inner = make_divisible(width * expansion) if expanded and not keras else width * expansion
            # The TF2 network compares with the width before `min_depth`, so a block widened by it has no shortcut.
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
        # The last convolution of the TF2 network never gets wider than at a multiplier of 1.
        last = max(last_channels, min_depth) if keras and depth_multiplier >= 1 else depth(last_channels)
        self.last = Convolution(variables, f"{scope}/Conv_1", width, last, hyperparams, kernel=1)
        self.end_points = dict(end_points)
        facts = self._facts()
        self.strides = {level: facts[name][0] for level, name in self.end_points.items()}
        self.channels = {level: facts[name][1] for level, name in self.end_points.items()}

    def _facts(self) -> dict[str, tuple[int, int]]:
        """Stride and channels of every end point."""
        stride = self.stem.stride
        found = {"layer_1": (stride, self.stem.channels_out)}
        for number, block in enumerate(self.blocks, 2):
            found[f"layer_{number}/expansion_output"] = (stride, block.filter.channels_in)
            stride *= block.filter.stride
            found[f"layer_{number}"] = (stride, block.project.channels_out)
        return found | {f"layer_{len(self.blocks) + 2}": (stride, self.last.channels_out)}

    def layers(self) -> list[Convolution]:
        """All convolutions in order."""
        return [self.stem, *[layer for block in self.blocks for layer in block.layers()], self.last]

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}."""
        x = self.stem(images, training)
        found = {"layer_1": x}
        for number, block in enumerate(self.blocks, 2):
            x, expansion = block(x, training)
            found |= {f"layer_{number}/expansion_output": expansion, f"layer_{number}": x}
        found[f"layer_{len(self.blocks) + 2}"] = self.last(x, training)
        return {level: found[name] for level, name in self.end_points.items()}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        return object_graph.numbered(object_graph.BACKBONE, self.layers()) if self._keras else {}


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
) -> MobileNetV2:
    """The network of TF1, or of TF2 (`keras`).

    pyramid: whether it is for a feature pyramid. end_points: other layers than the usual ones.
    """
    overridden = conv_hyperparams if override_base_feature_extractor_hyperparams else None
    return MobileNetV2(
        variables,
        scope,
        *settings(overridden, keras=keras, freeze_batchnorm=freeze_batchnorm),
        channels_in=channels_in,
        depth_multiplier=depth_multiplier,
        min_depth=min_depth,
        explicit_padding=use_explicit_padding,
        keras=keras,
        last_channels=LAST_CHANNELS_OF_LITE if pyramid and use_depthwise and not keras else LAST_CHANNELS,
        end_points=end_points or (PYRAMID if pyramid else END_POINTS),
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

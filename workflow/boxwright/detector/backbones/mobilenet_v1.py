"""MobileNet v1 up to its last convolution (Howard et al. 2017, https://arxiv.org/abs/1704.04861, table 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.mobilenet_settings import PUBLISHED, for_pyramid
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables

# Stride and output channels of the 13 depthwise separable layers.
SEPARABLE = (
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    *[(1, 512)] * 5,
    (2, 1024),
    (1, 1024),
)
# Output channels of the last two below a pyramid with depthwise convolutions.
LITE = (512, 256)
# The feature maps of an SSD, and those of a pyramid.
END_POINTS: Mapping[int, str] = {4: "Conv2d_11_pointwise", 5: "Conv2d_13_pointwise"}
PYRAMID: Mapping[int, str] = {2: "Conv2d_3_pointwise", 3: "Conv2d_5_pointwise", **END_POINTS}


class MobileNetV1:
    """Conv2d_0 to Conv2d_13_pointwise; stride 32. A `Backbone`.

    scope: where the variables are, e.g. "FeatureExtractor/MobilenetV1".
    depthwise: settings of the depthwise layers.
    widths: channels of Conv2d_0 to Conv2d_13_pointwise.
    channels_in: channels of the image.
    explicit_padding: pad by the kernel's size instead of "SAME".
    keras: whether the network is TF2's.
    end_points: the layer whose output is returned, by level. Layers after the last one are in checkpoints and in the
        penalty, and only their moving averages follow the images.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        hyperparams: Hyperparams,
        depthwise: Hyperparams,
        widths: Sequence[int],
        *,
        channels_in: int = 3,
        explicit_padding: bool = False,
        keras: bool = False,
        end_points: Mapping[int, str] = END_POINTS,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"
        self._keras = keras
        channels, *deeper = widths
        self._layers = [
            Convolution(variables, f"{scope}/Conv2d_0", channels_in, channels, hyperparams, stride=2, padding=padding)
        ]
        for index, ((stride, _), wide) in enumerate(zip(SEPARABLE, deeper, strict=True), 1):
            name = f"{scope}/Conv2d_{index}"
            self._layers += [
                DepthwiseConvolution(
                    variables, f"{name}_depthwise", channels, depthwise, stride=stride, padding=padding
                ),
                Convolution(variables, f"{name}_pointwise", channels, wide, hyperparams, kernel=1),
            ]
            channels = wide
        self.end_points = dict(end_points)
        by_name = {_end_point(layer): layer for layer in self._layers}
        self.channels = {level: by_name[name].channels_out for level, name in self.end_points.items()}
        self.strides = {level: self._stride(name) for level, name in self.end_points.items()}
        used = 1 + max(self._layers.index(by_name[name]) for name in self.end_points.values())
        for layer in self._layers[used:]:
            if layer.normalizer is not None:
                variables.leave_out(layer.normalizer.names)

    def _stride(self, end_point: str) -> int:
        stride = 1
        for layer in self._layers:
            stride *= layer.stride
            if _end_point(layer) == end_point:
                break
        return stride

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}."""
        found, x = {}, images
        for layer in self._layers:
            x = found[_end_point(layer)] = layer(x, training)
        return {level: found[name] for level, name in self.end_points.items()}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        return object_graph.numbered(object_graph.BACKBONE, self._layers) if self._keras else {}


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
    regularize_depthwise: bool = True,
    levels: range = range(2, 6),
) -> MobileNetV1:
    """The network of TF1, or of TF2 (`keras`); a layer of d channels gets max(int(d * depth_multiplier), min_depth).

    pyramid: whether it is for a feature pyramid. end_points: other layers than the usual ones.
    regularize_depthwise: whether the published settings penalise depthwise kernels. levels: of the pyramid.
    """

    def width(channels: int, times: int = 2 if keras else 1) -> int:
        for _ in range(times):
            channels = int(channels * depth_multiplier)
        return max(channels, min_depth)

    # The TF2 extractor's multiplier is applied by the network and once more by its layers; those that a pyramid makes
    # narrower only get the latter.
    widths = [width(32), *(width(channels) for _, channels in SEPARABLE)]
    if pyramid and use_depthwise:
        widths[-len(LITE) :] = [width(channels, times=1) for channels in LITE]
    overridden = conv_hyperparams if override_base_feature_extractor_hyperparams else None
    hyperparams = settings(overridden, keras=keras, freeze_batchnorm=freeze_batchnorm)
    penalised = regularize_depthwise or overridden is not None
    return MobileNetV1(
        variables,
        scope,
        hyperparams,
        hyperparams if penalised else hyperparams.unpenalised(),
        widths,
        channels_in=channels_in,
        explicit_padding=use_explicit_padding,
        keras=keras,
        end_points=end_points or (for_pyramid(PYRAMID, levels, keras) if pyramid else END_POINTS),
    )


def settings(overridden: Hyperparams | None, *, keras: bool, freeze_batchnorm: bool) -> Hyperparams:
    """The settings of all layers: the configured ones where they override the published ones."""
    if overridden is None:
        return PUBLISHED.with_batch_norm(train=not freeze_batchnorm)
    # No layer of the Keras network has a bias, even if the settings have no batch norm.
    return replace(overridden, bias=False) if keras else overridden


def _end_point(layer: Convolution) -> str:
    return layer.name.rsplit("/", 1)[-1]

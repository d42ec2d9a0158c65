"""MobileNet v1 up to its last convolution (Howard et al. 2017, https://arxiv.org/abs/1704.04861, table 1)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.mobilenet_settings import PUBLISHED
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
# The feature maps of an SSD.
END_POINTS: Mapping[int, str] = {4: "Conv2d_11_pointwise", 5: "Conv2d_13_pointwise"}


class MobileNetV1:
    """Conv2d_0 to Conv2d_13_pointwise; stride 32. A `Backbone`.

    scope: where the variables are, e.g. "FeatureExtractor/MobilenetV1".
    width: maps the published number of channels of a layer to the number it gets here.
    channels_in: channels of the image.
    explicit_padding: pad by the kernel's size instead of "SAME".
    keras: whether the network is TF2's.
    end_points: the layer whose output is returned, by level.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        hyperparams: Hyperparams,
        width: Callable[[int], int],
        *,
        channels_in: int = 3,
        explicit_padding: bool = False,
        keras: bool = False,
        end_points: Mapping[int, str] = END_POINTS,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"
        self._keras = keras
        channels = width(32)
        self._layers = [
            Convolution(variables, f"{scope}/Conv2d_0", channels_in, channels, hyperparams, stride=2, padding=padding)
        ]
        for index, (stride, wide) in enumerate(SEPARABLE, 1):
            name = f"{scope}/Conv2d_{index}"
            self._layers += [
                DepthwiseConvolution(
                    variables, f"{name}_depthwise", channels, hyperparams, stride=stride, padding=padding
                ),
                Convolution(variables, f"{name}_pointwise", channels, width(wide), hyperparams, kernel=1),
            ]
            channels = width(wide)
        self.end_points = dict(end_points)
        by_name = {_end_point(layer): layer for layer in self._layers}
        self.channels = {level: by_name[name].channels_out for level, name in self.end_points.items()}
        self.strides = {level: self._stride(name) for level, name in self.end_points.items()}

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
    keras: bool = False,
    freeze_batchnorm: bool = False,
    end_points: Mapping[int, str] = END_POINTS,
) -> MobileNetV1:
    """The network of TF1, or of TF2 (`keras`); a layer of d channels gets max(int(d * depth_multiplier), min_depth)."""

    def width(channels: int) -> int:
        scaled = int(channels * depth_multiplier)
        # The TF2 extractor's multiplier is applied by the network and once more by its layers.
        return max(int(scaled * depth_multiplier) if keras else scaled, min_depth)

    overridden = conv_hyperparams if override_base_feature_extractor_hyperparams else None
    return MobileNetV1(
        variables,
        scope,
        settings(overridden, keras=keras, freeze_batchnorm=freeze_batchnorm),
        width,
        channels_in=channels_in,
        explicit_padding=use_explicit_padding,
        keras=keras,
        end_points=end_points,
    )


def settings(overridden: Hyperparams | None, *, keras: bool, freeze_batchnorm: bool) -> Hyperparams:
    """The settings of all layers: the configured ones where they override the published ones."""
    if overridden is None:
        return PUBLISHED.with_batch_norm(train=not freeze_batchnorm)
    # No layer of the Keras network has a bias, even if the settings have no batch norm.
    return replace(overridden, bias=False) if keras else overridden


def _end_point(layer: Convolution) -> str:
    return layer.name.rsplit("/", 1)[-1]

"""MobileNet v1 up to its last convolution (Howard et al. 2017, https://arxiv.org/abs/1704.04861, table 1)."""

import tensorflow as tf

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


class MobileNetV1:
    """Conv2d_0 to Conv2d_13_pointwise; stride 32.

    scope: where the variables are, e.g. "FeatureExtractor/MobilenetV1".
    channels_in: channels of the image.
    depth_multiplier, min_depth: a layer of d channels gets max(int(d * depth_multiplier), min_depth).
    explicit_padding: pad by the kernel's size instead of "SAME".
    `channels` gives the number of channels of each end point.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        hyperparams: Hyperparams,
        *,
        channels_in: int = 3,
        depth_multiplier: float = 1.0,
        min_depth: int = 8,
        explicit_padding: bool = False,
        keras: bool = False,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"

        def depth(channels: int) -> int:
            scaled = int(channels * depth_multiplier)
            # The TF2 extractor's multiplier is applied by the network and once more by its layers.
            return max(int(scaled * depth_multiplier) if keras else scaled, min_depth)

        width = depth(32)
        self._layers = [
            Convolution(variables, f"{scope}/Conv2d_0", channels_in, width, hyperparams, stride=2, padding=padding)
        ]
        for index, (stride, channels) in enumerate(SEPARABLE, 1):
            name = f"{scope}/Conv2d_{index}"
            self._layers += [
                DepthwiseConvolution(
                    variables, f"{name}_depthwise", width, hyperparams, stride=stride, padding=padding
                ),
                Convolution(variables, f"{name}_pointwise", width, depth(channels), hyperparams, kernel=1),
            ]
            width = depth(channels)
        self.channels = {self._end_point(layer): layer.channels_out for layer in self._layers}

    @staticmethod
    def _end_point(layer: Convolution) -> str:
        return layer.name.rsplit("/", 1)[-1]

    def layers(self) -> list[Convolution]:
        """All convolutions in order."""
        return self._layers

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """[B, H, W, channels_in] -> every end point by name: Conv2d_0, Conv2d_1_depthwise, Conv2d_1_pointwise, ..."""
        end_points, x = {}, images
        for layer in self._layers:
            x = end_points[self._end_point(layer)] = layer(x, training)
        return end_points

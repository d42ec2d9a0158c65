"""Inception v2, which introduced batch norm (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, appendix).

TF-Slim's version, whose first convolution is separable. An SSD uses Mixed_4c and Mixed_5c. Faster R-CNN processes the
image up to Mixed_4e, and each proposal with Mixed_5a to Mixed_5c.
"""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from boxwright.detector import initializers
from boxwright.detector.backbones.inception_blocks import (
    Conv,
    InceptionNetwork,
    Mixed,
    Pool,
    RegionFeatures,
    Steps,
    Width,
    published,
    scaled,
)
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables


class SeparableRoot(Convolution):
    """A depthwise convolution and a 1x1 one with nothing between them, which is one convolution with a product kernel.

    Variables: `<name>/depthwise_weights` [h, w, channels_in, m] and `<name>/pointwise_weights` [1, 1, channels_in * m,
    channels_out]. With the three channels of an image the dense kernel is faster than the two convolutions.
    """

    def __init__(self, *arguments, multiplier: int, **settings):
        self._multiplier = multiplier
        super().__init__(*arguments, **settings)

    def _add_weights(self, variables: Variables, hyperparams: Hyperparams) -> tf.Variable:
        initializer, regularizer = hyperparams.initializer, hyperparams.regularizer
        shape = (*self.kernel, self.channels_in, self._multiplier)
        self.filters = variables.add(f"{self.name}/depthwise_weights", shape, initializer, regularizer=regularizer)
        shape = (1, 1, self.channels_in * self._multiplier, self.channels_out)
        return variables.add(f"{self.name}/pointwise_weights", shape, initializer, regularizer=regularizer)

    def _convolve(self, x: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor | None = None) -> tf.Tensor:
        mixing = tf.reshape(weights, [self.channels_in, self._multiplier, self.channels_out])
        return super()._convolve(x, tf.einsum("hwim,imo->hwio", self.filters, mixing), biases)


class Root:
    """The definition of the first convolution: 7x7, stride 2, up to 8 filters for each channel of the image."""

    @staticmethod
    def build(variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width) -> SeparableRoot:
        settings = replace(settings, initializer=initializers.truncated_normal(stddev=1.0))
        return SeparableRoot(
            variables, name, channels_in, width(64), settings, kernel=7, stride=2, multiplier=min(width(64) // 3, 8)
        )


def _unit(first: int, second: tuple[int, int], third: tuple[int, int], last: int, pool: str = "AVG") -> Mixed:
    """1x1; 1x1, 3x3; 1x1, 3x3, 3x3; a pool, 1x1: by their channels."""
    return Mixed(
        {"Conv2d_0a_1x1": Conv(first)},
        {"Conv2d_0a_1x1": Conv(second[0], stddev=0.09), "Conv2d_0b_3x3": Conv(second[1], 3)},
        {
            "Conv2d_0a_1x1": Conv(third[0], stddev=0.09),
            "Conv2d_0b_3x3": Conv(third[1], 3),
            "Conv2d_0c_3x3": Conv(third[1], 3),
        },
        {"Pool": Pool(pool), "Conv2d_0b_1x1": Conv(last, stddev=0.1)},
    )


def _strided(first: tuple[int, int], second: tuple[int, int]) -> Mixed:
    """1x1, 3x3; 1x1, 3x3, 3x3; a pool: the last step of each with stride 2."""
    return Mixed(
        {"Conv2d_0a_1x1": Conv(first[0], stddev=0.09), "Conv2d_1a_3x3": Conv(first[1], 3, 2)},
        {
            "Conv2d_0a_1x1": Conv(second[0], stddev=0.09),
            "Conv2d_0b_3x3": Conv(second[1], 3),
            "Conv2d_1a_3x3": Conv(second[1], 3, 2),
        },
        {"Pool": Pool("MAX", 2)},
    )


STRIDE_16: Steps = {
    "Conv2d_1a_7x7": Root(),
    "MaxPool_2a_3x3": Pool("MAX", 2),
    "Conv2d_2b_1x1": Conv(64, stddev=0.1),
    "Conv2d_2c_3x3": Conv(192, 3),
    "MaxPool_3a_3x3": Pool("MAX", 2),
    "Mixed_3b": _unit(64, (64, 64), (64, 96), 32),
    "Mixed_3c": _unit(64, (64, 96), (64, 96), 64),
    "Mixed_4a": _strided((128, 160), (64, 96)),
    "Mixed_4b": _unit(224, (64, 96), (96, 128), 128),
    "Mixed_4c": _unit(192, (96, 128), (96, 128), 128),
    "Mixed_4d": _unit(160, (128, 160), (128, 160), 96),
    "Mixed_4e": _unit(96, (128, 192), (160, 192), 96),
}
STRIDE_32: Steps = {
    "Mixed_5a": _strided((128, 192), (192, 256)),
    "Mixed_5b": _unit(352, (192, 320), (160, 224), 128),
    "Mixed_5c": _unit(352, (192, 320), (192, 224), 128, pool="MAX"),
}
# The feature maps of an SSD.
END_POINTS: Mapping[int, str] = {4: "Mixed_4c", 5: "Mixed_5c"}


def features(
    variables: Variables,
    scope: str,
    *,
    conv_hyperparams: Hyperparams,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    channels_in: int = 3,
    end_points: Mapping[int, str] = END_POINTS,
) -> InceptionNetwork:
    """The network of an SSD, all of it with the configured settings."""
    width = scaled(depth_multiplier, min_depth)
    steps = {**STRIDE_16, **STRIDE_32}
    return InceptionNetwork(
        variables, scope, steps, conv_hyperparams, width, channels_in=channels_in, end_points=end_points
    )


def proposal_features(
    variables: Variables, scope: str, *, batch_norm_trainable: bool = False, channels_in: int = 3
) -> InceptionNetwork:
    """The network for the image: one map of stride 16 with 576 channels."""
    settings = published(batch_norm_trainable, scale=True)
    return InceptionNetwork(variables, scope, STRIDE_16, settings, channels_in=channels_in, end_points={4: "Mixed_4e"})


def box_features(
    variables: Variables, scope: str, *, channels_in: int, batch_norm_trainable: bool = False
) -> RegionFeatures:
    """The network for each proposal, which halves the region: 1024 channels."""
    settings = published(batch_norm_trainable, scale=True)
    return RegionFeatures(variables, scope, STRIDE_32, settings, channels_in=channels_in)

"""MobileNet v2 as MnasFPN has it below: without its last convolution (Chen et al. 2020, arXiv:1912.01106).

Batch norm and penalties are fixed: no field of the configuration reaches them, `freeze_batchnorm` included.
"""

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from boxwright.detector.backbones import mobilenet_v2
from boxwright.detector.backbones.inverted_residuals import InvertedResiduals
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import truncated_normal, variance_scaling
from boxwright.detector.layers import Variables

END_POINTS: Mapping[int, str] = {3: "layer_7", 4: "layer_14", 5: "layer_18"}
# Of full convolutions, and of depthwise ones.
PUBLISHED = Hyperparams(
    activation=tf.nn.relu6,
    initializer=variance_scaling(2.0, "FAN_IN"),
    regularizer=Regularizer("l2", 4e-5),
    batch_norm=BatchNorm(decay=0.99, center=True, scale=True, epsilon=0.01),
)
DEPTHWISE = replace(PUBLISHED, initializer=truncated_normal(stddev=0.536))


def features(
    variables: Variables,
    scope: str,
    *,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    use_explicit_padding: bool = False,
    channels_in: int = 3,
) -> InvertedResiduals:
    """The network up to its last inverted residual block."""
    return mobilenet_v2.network(
        variables,
        scope,
        PUBLISHED,
        DEPTHWISE,
        mobilenet_v2.Widths(depth_multiplier, min_depth),
        channels_in=channels_in,
        padding="EXPLICIT" if use_explicit_padding else "SAME",
        last=None,
        end_points=END_POINTS,
    )

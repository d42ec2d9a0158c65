"""Inception v3 (Szegedy et al. 2015, https://arxiv.org/abs/1512.00567), the backbone of an SSD.

The first convolutions and all strides are without padding, so the maps have fewer cells than the image's side by their
stride. The names of scopes, irregular as they are, are those of TF-Slim's checkpoints.
"""

from collections.abc import Mapping

from boxwright.detector.backbones.inception_blocks import Conv, Fork, InceptionNetwork, Mixed, Pool, Steps, scaled
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Variables

ROW, COLUMN = (1, 7), (7, 1)
POOL = {"AvgPool_0a_3x3": Pool("AVG")}


def _fives(last: int, first: str = "Conv2d_0a_1x1", second: str = "Conv2d_0b_5x5") -> Mixed:
    """1x1; 1x1, 5x5; 1x1, 3x3, 3x3; a mean and a 1x1 with `last` channels. `first`, `second`: names in Branch_1."""
    return Mixed(
        {"Conv2d_0a_1x1": Conv(64)},
        {first: Conv(48), second: Conv(64, 5)},
        {"Conv2d_0a_1x1": Conv(64), "Conv2d_0b_3x3": Conv(96, 3), "Conv2d_0c_3x3": Conv(96, 3)},
        {**POOL, "Conv2d_0b_1x1": Conv(last)},
    )


def _sevens(inner: int) -> Mixed:
    """1x1; 1x1 and a 7x7 in two parts; 1x1 and two such 7x7; a mean and a 1x1. `inner`: channels within."""
    return Mixed(
        {"Conv2d_0a_1x1": Conv(192)},
        {"Conv2d_0a_1x1": Conv(inner), "Conv2d_0b_1x7": Conv(inner, ROW), "Conv2d_0c_7x1": Conv(192, COLUMN)},
        {
            "Conv2d_0a_1x1": Conv(inner),
            "Conv2d_0b_7x1": Conv(inner, COLUMN),
            "Conv2d_0c_1x7": Conv(inner, ROW),
            "Conv2d_0d_7x1": Conv(inner, COLUMN),
            "Conv2d_0e_1x7": Conv(192, ROW),
        },
        {**POOL, "Conv2d_0b_1x1": Conv(192)},
    )


def _wide(column: str) -> Mixed:
    """1x1; 1x1 and a fork; 1x1, 3x3 and a fork; a mean and a 1x1. `column`: the name of the 3x1 in Branch_1."""
    return Mixed(
        {"Conv2d_0a_1x1": Conv(320)},
        {
            "Conv2d_0a_1x1": Conv(384),
            "Fork": Fork({"Conv2d_0b_1x3": Conv(384, (1, 3)), column: Conv(384, (3, 1))}),
        },
        {
            "Conv2d_0a_1x1": Conv(448),
            "Conv2d_0b_3x3": Conv(384, 3),
            "Fork": Fork({"Conv2d_0c_1x3": Conv(384, (1, 3)), "Conv2d_0d_3x1": Conv(384, (3, 1))}),
        },
        {**POOL, "Conv2d_0b_1x1": Conv(192)},
    )


STEPS: Steps = {
    "Conv2d_1a_3x3": Conv(32, 3, 2, "VALID"),
    "Conv2d_2a_3x3": Conv(32, 3, padding="VALID"),
    "Conv2d_2b_3x3": Conv(64, 3),
    "MaxPool_3a_3x3": Pool("MAX", 2, "VALID"),
    "Conv2d_3b_1x1": Conv(80),
    "Conv2d_4a_3x3": Conv(192, 3, padding="VALID"),
    "MaxPool_5a_3x3": Pool("MAX", 2, "VALID"),
    "Mixed_5b": _fives(32),
    "Mixed_5c": _fives(64, "Conv2d_0b_1x1", "Conv_1_0c_5x5"),
    "Mixed_5d": _fives(64),
    "Mixed_6a": Mixed(
        {"Conv2d_1a_1x1": Conv(384, 3, 2, "VALID")},
        {"Conv2d_0a_1x1": Conv(64), "Conv2d_0b_3x3": Conv(96, 3), "Conv2d_1a_1x1": Conv(96, 3, 2, "VALID")},
        {"MaxPool_1a_3x3": Pool("MAX", 2, "VALID")},
    ),
    "Mixed_6b": _sevens(128),
    "Mixed_6c": _sevens(160),
    "Mixed_6d": _sevens(160),
    "Mixed_6e": _sevens(192),
    "Mixed_7a": Mixed(
        {"Conv2d_0a_1x1": Conv(192), "Conv2d_1a_3x3": Conv(320, 3, 2, "VALID")},
        {
            "Conv2d_0a_1x1": Conv(192),
            "Conv2d_0b_1x7": Conv(192, ROW),
            "Conv2d_0c_7x1": Conv(192, COLUMN),
            "Conv2d_1a_3x3": Conv(192, 3, 2, "VALID"),
        },
        {"MaxPool_1a_3x3": Pool("MAX", 2, "VALID")},
    ),
    "Mixed_7b": _wide("Conv2d_0b_3x1"),
    "Mixed_7c": _wide("Conv2d_0c_3x1"),
}
# The feature maps of an SSD.
END_POINTS: Mapping[int, str] = {3: "Mixed_5d", 4: "Mixed_6e", 5: "Mixed_7c"}


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
    """The network with the configured settings."""
    width = scaled(depth_multiplier, min_depth)
    return InceptionNetwork(
        variables, scope, STEPS, conv_hyperparams, width, channels_in=channels_in, end_points=end_points
    )

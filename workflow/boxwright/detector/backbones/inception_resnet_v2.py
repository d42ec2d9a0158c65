"""Inception-ResNet v2 (Szegedy et al. 2016, https://arxiv.org/abs/1602.07261), cut in two for Faster R-CNN.

The first stage processes the image up to the last of its 20 block17, the second each proposal from Mixed_7a on. All
convolutions are padded, so that the cells of the map lie over the image. Batch norm has no gamma.

With an output stride of 8, Mixed_6a does not halve its input, and the convolutions of block17 are dilated instead, so
that the same weights see the same neighbourhood.
"""

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.inception_blocks import (
    Branches,
    Conv,
    InceptionNetwork,
    Mixed,
    Pool,
    RegionFeatures,
    Steps,
    Width,
    published,
)
from boxwright.detector.hyperparams import Activation, Hyperparams
from boxwright.detector.layers import Convolution, Variables


class Residual:
    """The definition of a block: the input plus `scale` times what its branches make of it, then ReLU if `activated`.

    A 1x1 convolution with a bias and without batch norm brings the branches to the channels of the input.
    """

    def __init__(self, branches: Mixed, scale: float, *, activated: bool = True):
        self.branches, self.scale, self.activated = branches, scale, activated

    def build(
        self, variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width
    ) -> "InceptionResnetBlock":
        branches = self.branches.build(variables, name, channels_in, settings, width)
        up = Convolution(variables, f"{name}/Conv2d_1x1", branches.channels_out, channels_in, settings.head(), kernel=1)
        return InceptionResnetBlock(branches, up, self.scale, settings.activation if self.activated else None)


class InceptionResnetBlock:
    """A built `Residual`."""

    stride = 1

    def __init__(self, branches: Branches, up: Convolution, scale: float, activation: Activation | None):
        self.branches, self.up, self._scale, self._activation = branches, up, scale, activation
        self.channels_out = up.channels_out

    def graph(self) -> object_graph.Layers:
        return [*self.branches.graph(), self.up]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        y = x + self._scale * self.up(self.branches(x, training), training)
        return y if self._activation is None else self._activation(y)


STEM: Steps = {
    "Conv2d_1a_3x3": Conv(32, 3, 2),
    "Conv2d_2a_3x3": Conv(32, 3),
    "Conv2d_2b_3x3": Conv(64, 3),
    "MaxPool_3a_3x3": Pool("MAX", 2),
    "Conv2d_3b_1x1": Conv(80),
    "Conv2d_4a_3x3": Conv(192, 3),
    "MaxPool_5a_3x3": Pool("MAX", 2),
    "Mixed_5b": Mixed(
        {"Conv2d_1x1": Conv(96)},
        {"Conv2d_0a_1x1": Conv(48), "Conv2d_0b_5x5": Conv(64, 5)},
        {"Conv2d_0a_1x1": Conv(64), "Conv2d_0b_3x3": Conv(96, 3), "Conv2d_0c_3x3": Conv(96, 3)},
        {"AvgPool_0a_3x3": Pool("AVG"), "Conv2d_0b_1x1": Conv(64)},
    ),
}
BLOCK35 = Residual(
    Mixed(
        {"Conv2d_1x1": Conv(32)},
        {"Conv2d_0a_1x1": Conv(32), "Conv2d_0b_3x3": Conv(32, 3)},
        {"Conv2d_0a_1x1": Conv(32), "Conv2d_0b_3x3": Conv(48, 3), "Conv2d_0c_3x3": Conv(64, 3)},
    ),
    0.17,
)
LAST_BLOCK17 = "Repeat_1/block17_20"


def _first_stage(output_stride: int) -> Steps:
    """The steps for the image. output_stride: 16 or 8."""
    stride = output_stride // 8
    rate = 2 // stride
    mixed_6a = Mixed(
        {"Conv2d_1a_3x3": Conv(384, 3, stride)},
        {"Conv2d_0a_1x1": Conv(256), "Conv2d_0b_3x3": Conv(256, 3), "Conv2d_1a_3x3": Conv(384, 3, stride)},
        {"MaxPool_1a_3x3": Pool("MAX", stride)},
    )
    block17 = Residual(
        Mixed(
            {"Conv2d_1x1": Conv(192)},
            {
                "Conv2d_0a_1x1": Conv(128),
                "Conv2d_0b_1x7": Conv(160, (1, 7), rate=rate),
                "Conv2d_0c_7x1": Conv(192, (7, 1), rate=rate),
            },
        ),
        0.10,
    )
    return {
        **STEM,
        **{f"Repeat/block35_{number}": BLOCK35 for number in range(1, 11)},
        "Mixed_6a": mixed_6a,
        **{f"Repeat_1/block17_{number}": block17 for number in range(1, 21)},
    }


def _second_stage(padding: str) -> Steps:
    """The steps for each proposal. padding: of the strided steps."""
    mixed_7a = Mixed(
        {"Conv2d_0a_1x1": Conv(256), "Conv2d_1a_3x3": Conv(384, 3, 2, padding)},
        {"Conv2d_0a_1x1": Conv(256), "Conv2d_1a_3x3": Conv(288, 3, 2, padding)},
        {"Conv2d_0a_1x1": Conv(256), "Conv2d_0b_3x3": Conv(288, 3), "Conv2d_1a_3x3": Conv(320, 3, 2, padding)},
        {"MaxPool_1a_3x3": Pool("MAX", 2, padding)},
    )
    block8 = Mixed(
        {"Conv2d_1x1": Conv(192)},
        {"Conv2d_0a_1x1": Conv(192), "Conv2d_0b_1x3": Conv(224, (1, 3)), "Conv2d_0c_3x1": Conv(256, (3, 1))},
    )
    return {
        "Mixed_7a": mixed_7a,
        **{f"Repeat/block8_{number}": Residual(block8, 0.20) for number in range(1, 10)},
        "Block8": Residual(block8, 1.0, activated=False),
        "Conv2d_7b_1x1": Conv(1536),
    }


def proposal_features(
    variables: Variables,
    scope: str,
    *,
    first_stage_features_stride: int = 16,
    batch_norm_trainable: bool = False,
    channels_in: int = 3,
    keras: bool = False,
) -> InceptionNetwork:
    """The network for the image: one map of stride 16 or 8 with 1088 channels."""
    level = first_stage_features_stride.bit_length() - 1
    return InceptionNetwork(
        variables,
        scope,
        _first_stage(first_stage_features_stride),
        published(batch_norm_trainable, scale=False),
        channels_in=channels_in,
        end_points={level: LAST_BLOCK17},
        key=object_graph.FIRST_STAGE if keras else "",
    )


def box_features(
    variables: Variables, scope: str, *, channels_in: int, batch_norm_trainable: bool = False, keras: bool = False
) -> RegionFeatures:
    """The network for each proposal: 1536 channels. The strided steps are padded in TF2 only."""
    return RegionFeatures(
        variables,
        scope,
        _second_stage("SAME" if keras else "VALID"),
        published(batch_norm_trainable, scale=False),
        channels_in=channels_in,
        key=object_graph.SECOND_STAGE if keras else "",
    )

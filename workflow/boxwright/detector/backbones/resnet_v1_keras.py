"""ResNet v1 as Keras has it: the stride is in the first 1x1 convolution of the first unit of a stage.

He et al. 2015, https://arxiv.org/abs/1512.03385, table 1. The networks of TF2 are built so. Faster R-CNN cuts the
network in two: conv1 to conv4 process the image, conv5 each proposal. Scopes have the names of Keras's layers.
"""

from collections.abc import Mapping

import tensorflow as tf

from boxwright.detector import initializers, object_graph
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Convolution, Variables

UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
# Channels within a unit of conv2 to conv5; its output is four times as wide.
WIDTHS = (64, 128, 256, 512)
EXPANSION = 4


def hyperparams(train_batch_norm: bool) -> Hyperparams:
    """The settings of all layers; batch norm uses its moving averages unless it trains."""
    return Hyperparams(
        activation=tf.nn.relu,
        initializer=initializers.variance_scaling(1.0, "FAN_IN"),
        batch_norm=BatchNorm(decay=0.997, center=True, scale=True, epsilon=1e-5, train=train_batch_norm),
    )


class Unit:
    """1x1 (with the stride), 3x3 and 1x1 convolutions plus a shortcut, then ReLU."""

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        width: int,
        settings: Hyperparams,
        *,
        stride: int,
        shortcut: bool,
    ):
        depth, linear = EXPANSION * width, settings.linear()
        self.shortcut = None
        if shortcut:
            self.shortcut = Convolution(variables, f"{name}_0", channels_in, depth, linear, kernel=1, stride=stride)
        self.convolutions = [
            Convolution(variables, f"{name}_1", channels_in, width, settings, kernel=1, stride=stride),
            Convolution(variables, f"{name}_2", width, width, settings, kernel=3),
            Convolution(variables, f"{name}_3", width, depth, linear, kernel=1),
        ]

    def branches(self) -> object_graph.Branches:
        """The shortcut, if it is a convolution, and the three convolutions."""
        return [self.convolutions] if self.shortcut is None else [[self.shortcut], self.convolutions]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, ceil(H / stride), ceil(W / stride), 4 * width]."""
        shortcut = x if self.shortcut is None else self.shortcut(x, training)
        for convolution in self.convolutions:
            x = convolution(x, training)
        return tf.nn.relu(shortcut + x)


class Stage:
    """The units of conv2, conv3, conv4 or conv5 (`number`), the first with a shortcut and, but in conv2, stride 2."""

    def __init__(self, variables: Variables, scope: str, depth: int, number: int, settings: Hyperparams):
        width = WIDTHS[number - 2]
        channels = WIDTHS[0] if number == 2 else EXPANSION * WIDTHS[number - 3]
        self.channels, self.stride = EXPANSION * width, 1 if number == 2 else 2
        self.units = []
        for unit in range(1, UNITS[depth][number - 2] + 1):
            name, first = f"{scope}/conv{number}_block{unit}", unit == 1
            stride = self.stride if first else 1
            self.units.append(Unit(variables, name, channels, width, settings, stride=stride, shortcut=first))
            channels = self.channels

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        for unit in self.units:
            x = unit(x, training)
        return x


class ResNet:
    """conv1 and conv2 up to the stage of the coarsest level in `levels`, whose stages' maps it returns; a `Backbone`.

    depth: 50, 101 or 152. key: the path of the layers in TF2's object graph, before their numbers.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        depth: int,
        settings: Hyperparams,
        *,
        levels: tuple[int, ...],
        key: str,
        channels_in: int = 3,
    ):
        self._key = key
        self.conv1 = Convolution(
            variables, f"{scope}/conv1", channels_in, WIDTHS[0], settings, kernel=7, stride=2, padding="EXPLICIT"
        )
        # A stage and the level of its map have the same number.
        self.stages = {number: Stage(variables, scope, depth, number, settings) for number in range(2, max(levels) + 1)}
        self.channels = {level: self.stages[level].channels for level in levels}
        self.strides = {level: 2**level for level in levels}
        self.end_points: Mapping[int, str] = {
            level: f"conv{level}_block{len(self.stages[level].units)}_out" for level in levels
        }

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}."""
        x, found = tf.nn.max_pool2d(self.conv1(images, training), 3, 2, "SAME"), {}
        for number, stage in self.stages.items():
            x = found[number] = stage(x, training)
        return {level: found[level] for level in self.channels}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        units = [unit.branches() for stage in self.stages.values() for unit in stage.units]
        return object_graph.numbered(self._key, [self.conv1, *units])


class RegionFeatures:
    """conv5 over the region cut out for each proposal: [N, h, w, 1024] -> [N, ceil(h / 2), ceil(w / 2), 2048]."""

    def __init__(self, variables: Variables, scope: str, depth: int, settings: Hyperparams):
        self.stage = Stage(variables, scope, depth, 5, settings)
        self.channels = self.stage.channels

    def __call__(self, regions: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.stage(regions, training)

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        return object_graph.numbered(object_graph.SECOND_STAGE, [unit.branches() for unit in self.stage.units])


def proposal_features(
    variables: Variables, scope: str, *, depth: int, batch_norm_trainable: bool = False, channels_in: int = 3
) -> ResNet:
    """The network for the image: one map of stride 16. `depth`: its number of layers, one of `UNITS`."""
    settings = hyperparams(batch_norm_trainable)
    return ResNet(variables, scope, depth, settings, levels=(4,), key=object_graph.FIRST_STAGE, channels_in=channels_in)


def box_features(variables: Variables, scope: str, *, depth: int, batch_norm_trainable: bool = False) -> RegionFeatures:
    """The network for each proposal. `depth`: its number of layers, one of `UNITS`."""
    return RegionFeatures(variables, scope, depth, hyperparams(batch_norm_trainable))

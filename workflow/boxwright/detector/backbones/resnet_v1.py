"""ResNet v1 (He et al. 2015, https://arxiv.org/abs/1512.03385, table 1).

TF1's network is TF-Slim's, with the stride of a block in the 3x3 convolution of its last unit; TF2's is Keras', with
the stride in the first convolution of its first unit. A CenterNet has Keras' network as Keras publishes it; the others
change its settings and its first pooling. Faster R-CNN cuts the network in two: conv1 to block3 process the
image, block4 processes each proposal. If the output stride is to be smaller than that of all blocks together, the
remaining strides become dilation (atrous convolution), so that the same weights see the same neighbourhood.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import tensorflow as tf

from boxwright.detector import initializers, object_graph
from boxwright.detector.hyperparams import Activation, BatchNorm, Hyperparams, Regularizer
from boxwright.detector.layers import Convolution, Variables, pad_explicitly, subsampled

UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
# Channels of conv1 and conv2 of a unit, per block; a unit's output is four times as wide.
WIDTHS = (64, 128, 256, 512)
EXPANSION = 4
# Of batch norm.
DECAY, EPSILON = 0.997, 1e-5
# As Keras publishes the network.
OF_KERAS = Hyperparams(batch_norm=BatchNorm(decay=0.99, scale=True, epsilon=1.001e-5), bias=True)


def hyperparams(train_batch_norm: bool) -> Hyperparams:
    """The settings that all layers of TF-Slim's ResNets share; batch norm uses its moving averages unless it trains."""
    return Hyperparams(
        activation=tf.nn.relu,
        initializer=initializers.variance_scaling(2.0, "FAN_IN"),
        batch_norm=BatchNorm(decay=DECAY, center=True, scale=True, epsilon=EPSILON, train=train_batch_norm),
    )


class ResNetWidths(NamedTuple):
    """The widths of layers, which the networks of TF1 and TF2 (`keras`) derive from the multiplier in other ways.

    TF1's multiplies the inner width of a unit and keeps the stem; TF2's multiplies every layer. `min_depth` is the
    least of what is multiplied.
    """

    depth_multiplier: float = 1.0
    min_depth: int = 0
    keras: bool = False

    def stem(self) -> int:
        """The channels of conv1."""
        return self._scaled(WIDTHS[0]) if self.keras else WIDTHS[0]

    def inner(self, number: int) -> int:
        """The channels of the first two convolutions of a unit in the block `number`."""
        return self._scaled(WIDTHS[number - 1])

    def outer(self, number: int) -> int:
        """The channels of a unit's output."""
        return self._scaled(EXPANSION * WIDTHS[number - 1]) if self.keras else EXPANSION * self.inner(number)

    def _scaled(self, channels: int) -> int:
        return max(int(channels * self.depth_multiplier), self.min_depth)


PUBLISHED_WIDTHS = ResNetWidths()


class Bottleneck:
    """1x1, 3x3 and 1x1 convolutions plus a shortcut, then the activation.

    width, depth: channels of the first two and of the last. stride: of the 3x3 convolution, or with `keras` of the
    first one. rate: dilation of the 3x3 convolution. projected: whether the shortcut is a convolution. activation: of
    the sum.
    """

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        width: int,
        depth: int,
        settings: Hyperparams,
        *,
        stride: int,
        rate: int,
        projected: bool,
        keras: bool = False,
        activation: Activation = tf.nn.relu,
    ):
        name = f"{name}/bottleneck_v1"
        self.stride, self.activation = stride, activation
        first, stride = (stride, 1) if keras else (1, stride)
        self.shortcut = None
        if projected:
            self.shortcut = Convolution(
                variables, f"{name}/shortcut", channels_in, depth, settings.linear(), kernel=1, stride=self.stride
            )
        padding = "SAME" if stride == 1 else "EXPLICIT"
        self.convolutions = [
            Convolution(variables, f"{name}/conv1", channels_in, width, settings, kernel=1, stride=first),
            Convolution(
                variables, f"{name}/conv2", width, width, settings, kernel=3, stride=stride, rate=rate, padding=padding
            ),
            Convolution(variables, f"{name}/conv3", width, depth, settings.linear(), kernel=1),
        ]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, ceil(H / stride), ceil(W / stride), depth]."""
        shortcut = subsampled(x, self.stride) if self.shortcut is None else self.shortcut(x, training)
        for convolution in self.convolutions:
            x = convolution(x, training)
        return self.activation(shortcut + x)

    def layers(self) -> list[Convolution | tuple[Convolution, ...]]:
        """Its convolutions in the order in which TF2 numbers them, those side by side in a tuple."""
        *before, last = self.convolutions
        return [*before, last if self.shortcut is None else (self.shortcut, last)]


class ResidualBlock:
    """The units of block `number`, from 1 to 4.

    stride: of the last unit, or with `keras` of the first. rate: of all units. activation: of the sums. widths: of the
    layers.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        depth: int,
        number: int,
        settings: Hyperparams,
        *,
        stride: int,
        rate: int = 1,
        keras: bool = False,
        activation: Activation = tf.nn.relu,
        widths: ResNetWidths = PUBLISHED_WIDTHS,
    ):
        count, inner, outer = UNITS[depth][number - 1], widths.inner(number), widths.outer(number)
        channels = widths.stem() if number == 1 else widths.outer(number - 1)
        self.units = []
        for unit in range(1, count + 1):
            name = f"{scope}/block{number}/unit_{unit}"
            unit_stride = stride if unit == (1 if keras else count) else 1
            more = {"stride": unit_stride, "rate": rate, "keras": keras, "activation": activation}
            # TF1's first unit adds its input as it is where the widths agree; TF2's never does.
            projected = unit == 1 and (keras or channels != outer)
            self.units.append(
                Bottleneck(variables, name, channels, inner, outer, settings, projected=projected, **more)
            )
            channels = outer

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        for unit in self.units:
            x = unit(x, training)
        return x

    def each(self) -> Iterator[Convolution]:
        """Its convolutions."""
        for layer in self.layers():
            yield from layer if isinstance(layer, tuple) else (layer,)

    def layers(self) -> list[Convolution | tuple[Convolution, ...]]:
        """Its convolutions in the order in which TF2 numbers them, those side by side in a tuple."""
        return [layer for unit in self.units for layer in unit.layers()]


class PyramidFeatures:
    """conv1 to block4 with an output of each block, strides 4 to 32, for a feature pyramid. A `Backbone`.

    In TF1 a block's output is that before its stride, so the last unit has none, and what goes to the next block is
    every second pixel of its output; only block4 has no stride.

    depth: 50, 101 or 152. activation: of the sums. channels_in: of the image. keras: whether it is TF2's network.
    levels: of the outputs; blocks after the last are built up to the level `last` and only move their averages. key:
    the path of the layers in TF2's object graph.
    explicit_pooling: whether the map is padded alike on all sides before it is pooled. widths: of the layers.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        depth: int,
        settings: Hyperparams,
        *,
        activation: Activation = tf.nn.relu,
        channels_in: int = 3,
        keras: bool = False,
        levels: Sequence[int] = (2, 3, 4, 5),
        last: int = 0,
        key: str = object_graph.BACKBONE,
        explicit_pooling: bool = False,
        widths: ResNetWidths = PUBLISHED_WIDTHS,
    ):
        self._keras, self._key = keras, key
        self._explicit_pooling = explicit_pooling
        self.conv1 = Convolution(
            variables, f"{scope}/conv1", channels_in, widths.stem(), settings, kernel=7, stride=2, padding="EXPLICIT"
        )
        self.blocks = {
            number + 1: ResidualBlock(
                variables,
                scope,
                depth,
                number,
                settings,
                stride=2 if keras and number > 1 else 1,
                keras=keras,
                activation=activation,
                widths=widths,
            )
            for number in range(1, max(last, max(levels)))
        }
        unused = [layer for level, block in self.blocks.items() if level > max(levels) for layer in block.each()]
        variables.leave_out(name for layer in unused if layer.normalizer for name in layer.normalizer.names)
        self.channels = {level: widths.outer(level - 1) for level in levels}
        self.strides = {level: 2**level for level in levels}
        self.end_points = {level: f"block{level - 1}" for level in levels}

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: [B, ceil(H / 2^level), ceil(W / 2^level), C]}."""
        x = self.conv1(images, training)
        if self._explicit_pooling:
            # No value is below 0 after the activation, so zeros are never the highest.
            x = tf.nn.max_pool2d(pad_explicitly(x, (3, 3)), 3, 2, "VALID")
        else:
            x = tf.nn.max_pool2d(x, 3, 2, "SAME")
        found: dict[int, tf.Tensor] = {}
        for level, block in self.blocks.items():
            if found and not self._keras:
                x = subsampled(x, 2)
            x = found[level] = block(x, training)
        return {level: found[level] for level in self.channels}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self._keras:
            return {}
        layers = [self.conv1, *(layer for block in self.blocks.values() for layer in block.layers())]
        return object_graph.numbered(self._key, layers)


class ProposalFeatures:
    """conv1 to block3: the feature map for the region proposals, 1024 channels. A `Backbone` of one level.

    depth: 50, 101 or 152. output_stride: 8 or 16, pixels per cell of the feature map. channels_in: of the image.
    The OD API's graph also builds block4 on top and does not use its output. Its checkpoints hold those variables, so
    they are created here too; no gradient reaches them and they are not listed as trainable. If batch norm trains, the
    OD API updates their moving averages, and so does this class.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        depth: int,
        output_stride: int,
        settings: Hyperparams,
        channels_in: int = 3,
    ):
        self.conv1 = Convolution(
            variables, f"{scope}/conv1", channels_in, WIDTHS[0], settings, kernel=7, stride=2, padding="EXPLICIT"
        )
        self.blocks, reached, rate = [], 4, 1
        for number in (1, 2, 3):
            stride = 2 if reached < output_stride else 1
            self.blocks.append(ResidualBlock(variables, scope, depth, number, settings, stride=stride, rate=rate))
            # A stride that is left out dilates all later convolutions.
            reached, rate = reached * stride, rate * (2 // stride)
        used = len(variables.trainable)
        self.unused = ResidualBlock(variables, scope, depth, 4, settings, stride=1, rate=rate)
        del variables.trainable[used:]
        self.train_batch_norm = settings.batch_norm.train
        self.level = output_stride.bit_length() - 1
        self.channels = {self.level: EXPANSION * WIDTHS[2]}
        self.strides = {self.level: reached}
        self.end_points = {self.level: "block3"}

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: [B, ceil(H / output_stride), ceil(W / output_stride), 1024]}."""
        x = tf.nn.max_pool2d(self.conv1(images, training), 3, 2, "SAME")
        for block in self.blocks:
            x = block(x, training)
        if training and self.train_batch_norm:
            self.unused(tf.stop_gradient(x), training)
        return {self.level: x}

    @staticmethod
    def object_graph_keys() -> dict[str, str]:
        """None: the network is TF1's."""
        return {}


class BlockFeatures:
    """block4 over the pooled features of each proposal: [N, h, w, 1024] -> [N, h', w', 2048].

    keras: whether it is TF2's, which halves the regions; TF1's has no stride.
    """

    channels = EXPANSION * WIDTHS[3]

    def __init__(self, variables: Variables, scope: str, depth: int, settings: Hyperparams, keras: bool = False):
        self._keras = keras
        self.block = ResidualBlock(variables, scope, depth, 4, settings, stride=2 if keras else 1, keras=keras)

    def __call__(self, regions: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.block(regions, training)

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        return object_graph.numbered(object_graph.SECOND_STAGE, self.block.layers()) if self._keras else {}


def features(
    variables: Variables,
    scope: str,
    *,
    depth: int,
    conv_hyperparams: Hyperparams,
    override_base_feature_extractor_hyperparams: bool = False,
    freeze_batchnorm: bool = False,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    channels_in: int = 3,
    keras: bool = False,
    levels: range = range(2, 6),
) -> PyramidFeatures:
    """The network below a feature pyramid of these `levels`. `depth`: its number of layers, one of `UNITS`."""
    activation = tf.nn.relu
    if override_base_feature_extractor_hyperparams:
        if keras:
            # No layer of this network has a bias, even if the settings have no batch norm.
            settings, activation = replace(conv_hyperparams, bias=False), conv_hyperparams.activation
        else:
            # TF-Slim gives these settings of batch norm with each layer, where the OD API's do not replace them.
            settings = conv_hyperparams.with_batch_norm(decay=DECAY, epsilon=EPSILON, scale=True)
    else:
        # TF2's penalty is of the whole sum of squares, TF1's of half of it.
        penalty = Regularizer("l2", 2e-4 if keras else 1e-4)
        settings = replace(hyperparams(not freeze_batchnorm), regularizer=penalty)
    return PyramidFeatures(
        variables,
        scope,
        depth,
        settings,
        activation=activation or tf.identity,
        channels_in=channels_in,
        keras=keras,
        levels=range(2, min(levels[-1], 5) + 1),
        last=5,
        widths=ResNetWidths(depth_multiplier, min_depth, keras),
    )


def proposal_features(
    variables: Variables,
    scope: str,
    *,
    depth: int,
    first_stage_features_stride: int = 16,
    batch_norm_trainable: bool = False,
    channels_in: int = 3,
    keras: bool = False,
) -> ProposalFeatures | PyramidFeatures:
    """The network for the image. `depth`: its number of layers, one of `UNITS`. TF2's (`keras`) has a stride of 16."""
    settings = hyperparams(batch_norm_trainable)
    if keras:
        key = object_graph.FIRST_STAGE
        return PyramidFeatures(
            variables, scope, depth, settings, channels_in=channels_in, keras=True, levels=(4,), key=key
        )
    return ProposalFeatures(variables, scope, depth, first_stage_features_stride, settings, channels_in)


def box_features(
    variables: Variables, scope: str, *, depth: int, batch_norm_trainable: bool = False, keras: bool = False
) -> BlockFeatures:
    """The network for each proposal. `depth`: its number of layers, one of `UNITS`."""
    return BlockFeatures(variables, scope, depth, hyperparams(batch_norm_trainable), keras)


def center_features(variables: Variables, scope: str, *, depth: int, channels_in: int = 3) -> PyramidFeatures:
    """The network of a CenterNet, as Keras publishes it, without penalties. `depth`: one of `UNITS`."""
    key = object_graph.CENTER_BACKBONE
    more = {"channels_in": channels_in, "keras": True, "key": key, "explicit_pooling": True}
    return PyramidFeatures(variables, scope, depth, OF_KERAS, **more)

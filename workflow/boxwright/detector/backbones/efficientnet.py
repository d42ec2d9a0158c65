"""EfficientNet B0 to B7 (Tan and Le 2019, https://arxiv.org/abs/1905.11946), as the backbone of EfficientDet.

Blocks after the last one whose output is used, and the classifier on top, are no part of the detector. Checkpoints have
them all the same, and their kernels are in the penalty, so their variables are here (`_Unused`).
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.squeeze_excite import SqueezeExcite
from boxwright.detector.backbones.widths import make_divisible
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import variance_scaling
from boxwright.detector.layers import Convolution, DepthwiseConvolution, FullyConnected, Variables
from boxwright.detector.swish import swish
from boxwright.devices import replicas


class Stack(NamedTuple):
    """Blocks of one width: the first one has the stride. Channels and the number of blocks are those of B0."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM, TOP, CLASSES = 32, 1280, 1000
STACKS = (
    Stack(1, 3, 1, 1, 16),
    Stack(2, 3, 2, 6, 24),
    Stack(2, 5, 2, 6, 40),
    Stack(3, 3, 2, 6, 80),
    Stack(3, 5, 1, 6, 112),
    Stack(4, 5, 2, 6, 192),
    Stack(1, 3, 1, 6, 320),
)
# The blocks whose outputs are used, by level: (stack, block). B0's, also in the deeper networks, whose stacks go on.
END_POINTS: Mapping[int, tuple[int, int]] = {1: (0, 0), 2: (1, 1), 3: (2, 1), 4: (4, 2), 5: (6, 0)}
# Channels of the squeeze, as a share of those of the block's input.
SQUEEZE = 0.25
# The chance that the last block is left out for an image in training; it grows linearly from the first.
DROP = 0.2
# Sets the draws of the blocks apart from those of the head, which counts its feature maps from 0.
FIRST_DRAW = 1 << 16
# Of plain Keras layers: training always uses the statistics of the batch.
PUBLISHED = Hyperparams(
    activation=swish,
    initializer=variance_scaling(2.0, "FAN_OUT"),
    regularizer=Regularizer("l2", 1e-5),
    batch_norm=BatchNorm(decay=0.99, scale=True, epsilon=1e-3),
    bias=False,
)


class EfficientNetBlock:
    """Expand (1x1), filter (depthwise), weigh the channels (squeeze and excitation), project (1x1, linear).

    drop: the chance that a block with a residual gives its input alone, drawn for each image in training.
    """

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        channels_out: int,
        stack: Stack,
        stride: int,
        drop: float,
        hyperparams: Hyperparams,
    ):
        inner = channels_in * stack.expansion
        self.drop = drop
        self.residual = stride == 1 and channels_in == channels_out
        self.expand = None
        if stack.expansion > 1:
            self.expand = Convolution(variables, f"{name}/expand", channels_in, inner, hyperparams, kernel=1)
        self.filter = DepthwiseConvolution(
            variables, f"{name}/depthwise", inner, hyperparams.unpenalised(), kernel=stack.kernel, stride=stride
        )
        squeezed = max(1, int(channels_in * SQUEEZE))
        self.weigh = SqueezeExcite(variables, f"{name}/squeeze_excite", inner, squeezed, hyperparams, swish, tf.sigmoid)
        for layer in self.weigh.layers:
            variables.penalise(f"{layer.name}/biases", hyperparams.regularizer)
        self.project = Convolution(variables, f"{name}/project", inner, channels_out, hyperparams.linear(), kernel=1)

    def layers(self) -> list[Convolution]:
        """Its convolutions in order."""
        first = [] if self.expand is None else [self.expand]
        return [*first, self.filter, *self.weigh.layers, self.project]

    def __call__(self, x: tf.Tensor, training: bool, seed: tf.Tensor | None) -> tf.Tensor:
        """[B, H, W, C] -> [B, H', W', C']; `seed` (int32 [2]) draws the images that the block is left out for."""
        y = x if self.expand is None else self.expand(x, training)
        y = self.project(self.weigh(self.filter(y, training)), training)
        if not self.residual:
            return y
        return x + (_dropped(y, self.drop, seed) if training and self.drop else y)


class EfficientNet:
    """The stem and the blocks up to the last one whose output is used. A `Backbone`.

    scope: where the variables are, e.g. "FeatureExtractor/EfficientNet".
    width, depth: B0's channels and numbers of blocks are multiplied by these.
    channels_in: channels of the image.
    last: the last level whose map is used.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        hyperparams: Hyperparams,
        *,
        width: float,
        depth: float,
        channels_in: int,
        last: int,
    ):
        self._end_points = {level: place for level, place in END_POINTS.items() if level <= last}
        self.stem = Convolution(variables, f"{scope}/stem", channels_in, _width(STEM, width), hyperparams, stride=2)
        self._blocks: dict[tuple[int, int], EfficientNetBlock] = {}
        counts = [math.ceil(stack.blocks * depth) for stack in STACKS]
        strides, stride, channels = {}, self.stem.stride, self.stem.channels_out
        for number, (stack, count) in enumerate(zip(STACKS, counts, strict=True)):
            for index in range(count):
                self._blocks[number, index] = EfficientNetBlock(
                    variables,
                    f"{scope}/stack_{number}/block_{index}",
                    channels,
                    _width(stack.channels, width),
                    stack,
                    stack.stride if index == 0 else 1,
                    DROP * len(self._blocks) / sum(counts),
                    hyperparams,
                )
                channels = _width(stack.channels, width)
                stride *= stack.stride if index == 0 else 1
                strides[number, index] = stride
        self.channels = {level: self._blocks[place].project.channels_out for level, place in self._end_points.items()}
        self.strides = {level: strides[place] for level, place in self._end_points.items()}
        self.end_points = {level: f"stack_{stack}/block_{block}" for level, (stack, block) in self._end_points.items()}
        end = max(self._end_points.values())
        self._used = {place: block for place, block in self._blocks.items() if place <= end}
        self._unused = _Unused(
            variables,
            scope,
            [block for place, block in self._blocks.items() if place > end],
            channels,
            _width(TOP, width),
            hyperparams,
        )

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}; `seed` (int32 [2]) is needed in training."""
        x, found = self.stem(images, training), {}
        for index, (place, block) in enumerate(self._used.items()):
            x = block(x, training, None if seed is None else tf.random.fold_in(seed, FIRST_DRAW + index))
            found[place] = x
        return {level: found[place] for level, place in self._end_points.items()}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        layers = [self.stem, *[layer for block in self._used.values() for layer in block.layers()]]
        path = f"{object_graph.EXTRACTOR}/_efficientnet/layer_with_weights-"
        return object_graph.numbered(path, layers) | self._unused.object_graph_keys(object_graph.places(layers))


class _Unused:
    """The variables of the rest of the classification network: later blocks, the last convolution, the logits.

    Nothing is computed with them. What has no penalty is not trained, as no gradient would reach it.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        blocks: list[EfficientNetBlock],
        channels_in: int,
        channels: int,
        hyperparams: Hyperparams,
    ):
        self._top = Convolution(variables, f"{scope}/top", channels_in, channels, hyperparams, kernel=1)
        self._logits = f"{scope}/logits"
        FullyConnected(variables, self._logits, channels, CLASSES, hyperparams.head())
        variables.penalise(f"{self._logits}/biases", hyperparams.regularizer)
        self._layers = [*[layer for block in blocks for layer in block.layers()], self._top]
        names = [name for layer in self._layers for name in variables.by_name if name.startswith(f"{layer.name}/")]
        variables.leave_out([name for name in names if name not in variables.regularized])

    def object_graph_keys(self, first: int) -> dict[str, str]:
        """Keys of TF2 by name; the layers are numbered from `first` on."""
        keys = object_graph.numbered(object_graph.BACKBONE, self._layers, first)
        logits = f"{object_graph.BACKBONE}{first + object_graph.places(self._layers)}"
        keys[f"{self._logits}/weights"] = f"{logits}/kernel{object_graph.SUFFIX}"
        return keys | {f"{self._logits}/biases": f"{logits}/bias{object_graph.SUFFIX}"}


def features(
    variables: Variables,
    scope: str,
    *,
    conv_hyperparams: Hyperparams,
    width: float,
    depth: float,
    override_base_feature_extractor_hyperparams: bool = False,
    channels_in: int = 3,
    levels: range = range(1, 6),
) -> EfficientNet:
    """The network; of the configured settings it takes the penalty alone, where they override the published ones.

    levels: of the pyramid on top; what the network has beyond them is not used.
    """
    hyperparams = PUBLISHED
    if override_base_feature_extractor_hyperparams:
        hyperparams = hyperparams.penalised(conv_hyperparams.regularizer)
    more = {"width": width, "depth": depth, "channels_in": channels_in, "last": levels[-1]}
    return EfficientNet(variables, scope, hyperparams, **more)


def _width(channels: int, width: float) -> int:
    return make_divisible(channels * width)


def _dropped(y: tf.Tensor, drop: float, seed: tf.Tensor) -> tf.Tensor:
    """`y` [B, H, W, C] with 0 for a random share `drop` of the images, scaled so that the mean stays the same."""
    kept = replicas.uniform([tf.shape(y)[0], 1, 1, 1], seed) >= drop
    return tf.where(kept, y * tf.cast(1 / (1 - drop), y.dtype), tf.zeros([], y.dtype))

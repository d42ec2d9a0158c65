"""Stacked hourglass networks (Newell et al. 2016, https://arxiv.org/abs/1603.06937) in the form of CornerNet's.

Law and Deng 2018, https://arxiv.org/abs/1808.01244, section 3.5: no pooling, convolutions with stride instead, and
fewer features in the middle.
"""

from collections.abc import Sequence

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.necks import upsampling

# Each average keeps a tenth of itself in a step: Keras' momentum, with the number that PyTorch calls so. The kernels
# are not fused, so the moving variance is that over n.
SETTINGS = Hyperparams(batch_norm=BatchNorm(decay=0.1, scale=True, epsilon=1e-5, unbiased=False))
# The channels after the first convolution, and those of the maps of stride 4 that the networks take and give.
FIRST_CHANNELS, CHANNELS = 128, 256
# Of Hourglass-104: channels of each half of the resolution, and how many residual blocks each has; the innermost last.
INNER_CHANNELS = (256, 384, 384, 384, 512)
BLOCKS = (2, 2, 2, 2, 2, 4)
STACKS = 2


class Normalised:
    """A convolution with batch norm and perhaps ReLU, with zeros all around for a kernel over 1.

    name: of the variables, before `/conv`.
    """

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        channels: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        activated: bool = True,
    ):
        self.name = name
        self.layer = Convolution(
            variables,
            f"{name}/conv",
            channels_in,
            channels,
            SETTINGS if activated else SETTINGS.linear(),
            kernel=kernel,
            stride=stride,
            padding="EXPLICIT" if kernel > 1 else "SAME",
        )

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.layer(x, training)

    def keys(self, path: str) -> dict[str, str]:
        """Keys of TF2 by name; it lies at `path`."""
        return {
            **object_graph.convolution(self.layer, f"{path}/conv"),
            **object_graph.batch_norm(self.layer.normalizer, f"{path}/norm"),
        }


class ResidualPair:
    """Two 3x3 convolutions, the first with the stride, plus a shortcut, then ReLU.

    The shortcut is a convolution only where stride or channels change.
    """

    def __init__(self, variables: Variables, name: str, channels_in: int, channels: int, stride: int = 1):
        self._first = Normalised(variables, f"{name}/conv_block", channels_in, channels, stride=stride)
        self._second = Normalised(variables, name, channels, channels, activated=False)
        self._skip = None
        if stride > 1 or channels_in != channels:
            self._skip = Normalised(
                variables, f"{name}/skip", channels_in, channels, kernel=1, stride=stride, activated=False
            )

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        skip = x if self._skip is None else self._skip(x, training)
        return tf.nn.relu(self._second(self._first(x, training), training) + skip)

    def keys(self, path: str) -> dict[str, str]:
        """Keys of TF2 by name; it lies at `path`."""
        found = self._first.keys(f"{path}/conv_block") | self._second.keys(path)
        return found if self._skip is None else found | self._skip.keys(f"{path}/skip")


class Hourglass:
    """A path that keeps the resolution, and one that halves it, goes through the next hourglass, and doubles it again.

    channels: of the map and of the halves inside, finest first. blocks: how many residual blocks each has; the last one
    has no further hourglass inside, only its blocks.
    """

    def __init__(self, variables: Variables, name: str, channels: Sequence[int], blocks: Sequence[int]):
        outer, inner = channels[:2]
        count = blocks[0]
        self._parts: dict[str, list[ResidualPair | Hourglass]] = {
            "encoder_block1": [
                ResidualPair(variables, f"{name}/encoder_block1/{index}", outer, outer) for index in range(count)
            ],
            "encoder_block2": [
                ResidualPair(
                    variables,
                    f"{name}/encoder_block2/{index}",
                    outer if index == 0 else inner,
                    inner,
                    stride=2 if index == 0 else 1,
                )
                for index in range(count)
            ],
        }
        if len(channels) > 2:
            nested = [Hourglass(variables, f"{name}/inner_block/0", channels[1:], blocks[1:])]
        else:
            nested = [
                ResidualPair(variables, f"{name}/inner_block/{index}", inner, inner) for index in range(blocks[1])
            ]
        self._parts["inner_block"] = nested
        self._parts["decoder_block"] = [
            ResidualPair(variables, f"{name}/decoder_block/{index}", inner, outer if index == count - 1 else inner)
            for index in range(count)
        ]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, h, w, C] -> the same; h and w must be multiples of 2 to the depth."""
        kept, halved = x, x
        for block in self._parts["encoder_block1"]:
            kept = block(kept, training)
        for part in ("encoder_block2", "inner_block", "decoder_block"):
            for block in self._parts[part]:
                halved = block(halved, training)
        return kept + upsampling.twice(halved)

    def keys(self, path: str) -> dict[str, str]:
        """Keys of TF2 by name; it lies at `path`."""
        found: dict[str, str] = {}
        for part, blocks in self._parts.items():
            for index, block in enumerate(blocks):
                found |= block.keys(f"{path}/{part}/{index}")
        return found


class StackedHourglasses:
    """Two convolutions with stride 2, then hourglasses one after the other. A `StackedBackbone` of stride 4.

    Each hourglass has a map of its own, from a convolution of its output. The next one gets the sum of its input and of
    that map, each after a 1x1 convolution, through a residual block.
    """

    def __init__(self, variables: Variables, scope: str, channels_in: int = 3):
        name = f"{scope}/downsample_input"
        self._stem = Normalised(variables, f"{name}/conv_block", channels_in, FIRST_CHANNELS, kernel=7, stride=2)
        self._down = ResidualPair(variables, f"{name}/residual_block", FIRST_CHANNELS, CHANNELS, stride=2)
        self._hourglasses: list[Hourglass] = []
        self._outputs: list[Normalised] = []
        self._inputs: list[tuple[Normalised, Normalised, ResidualPair]] = []
        for number in range(STACKS):
            if number:
                self._inputs.append(self._between(variables, scope, number - 1))
            self._hourglasses.append(
                Hourglass(variables, f"{scope}/hourglass_network/{number}", (CHANNELS, *INNER_CHANNELS), BLOCKS)
            )
            self._outputs.append(Normalised(variables, f"{scope}/output_conv/{number}", CHANNELS, CHANNELS))
        self.num_stacks = STACKS
        self.channels, self.strides, self.end_points = {2: CHANNELS}, {2: 4}, {2: f"output_conv/{STACKS - 1}"}

    @staticmethod
    def _between(variables: Variables, scope: str, number: int) -> tuple[Normalised, Normalised, ResidualPair]:
        of_input, of_output = (
            Normalised(variables, f"{scope}/{name}/{number}", CHANNELS, CHANNELS, kernel=1, activated=False)
            for name in ("intermediate_conv1", "intermediate_conv2")
        )
        return (
            of_input,
            of_output,
            ResidualPair(variables, f"{scope}/intermediate_residual/{number}", CHANNELS, CHANNELS),
        )

    def stacks(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """[B, H, W, channels_in] -> the map [B, H / 4, W / 4, 256] of each hourglass. H and W: multiples of 128."""
        x = self._down(self._stem(images, training), training)
        found: list[tf.Tensor] = []
        for number, (hourglass, output) in enumerate(zip(self._hourglasses, self._outputs, strict=True)):
            if number:
                of_input, of_output, residual = self._inputs[number - 1]
                x = residual(tf.nn.relu(of_input(x, training) + of_output(found[-1], training)), training)
            found.append(output(hourglass(x, training), training))
        return found

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {2: the map of the last hourglass}."""
        return {2: self.stacks(images, training)[-1]}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        path = f"{object_graph.EXTRACTOR}/_network"
        found = self._stem.keys(f"{path}/downsample_input/conv_block")
        found |= self._down.keys(f"{path}/downsample_input/residual_block")
        for number, (hourglass, output) in enumerate(zip(self._hourglasses, self._outputs, strict=True)):
            found |= hourglass.keys(f"{path}/hourglass_network/{number}")
            found |= output.keys(f"{path}/output_conv/{number}")
        for number, (of_input, of_output, residual) in enumerate(self._inputs):
            found |= of_input.keys(f"{path}/intermediate_conv1/{number}")
            found |= of_output.keys(f"{path}/intermediate_conv2/{number}")
            found |= residual.keys(f"{path}/intermediate_residual/{number}")
        return found


def center_features(variables: Variables, scope: str, *, channels_in: int = 3) -> StackedHourglasses:
    """Hourglass-104, the network of a CenterNet."""
    return StackedHourglasses(variables, scope, channels_in)

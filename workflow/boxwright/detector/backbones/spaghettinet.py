"""SpaghettiNet for the Edge TPU: a backbone whose maps are joined across levels (Google, 2021, for the Pixel 6).

Batch norm and penalties are fixed: no field of the configuration reaches them, `freeze_batchnorm` included. The maps of
a grouped convolution are rounded to 8 bits in training and inference alike, as the published weights were trained for.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from boxwright.detector import initializers
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import truncated_normal
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables, pad_explicitly
from boxwright.detector.necks import upsampling
from boxwright.devices import replicas

PUBLISHED = Hyperparams(
    activation=tf.nn.relu6,
    initializer=truncated_normal(stddev=0.03),
    regularizer=Regularizer("l2", 1e-5),
    batch_norm=BatchNorm(decay=0.97, center=True, scale=True, epsilon=0.001),
)
STEM_KERNEL, STEM_CHANNELS = 5, 24
# Of the range of the maps that are rounded.
RANGE_DECAY, RANGE_BITS = 0.999, 8
STEM = "s0"
# The level of each node and where its input comes from: one node, or several whose maps are made alike and summed. The
# last node is called level 8, but has no stride.
WIRING: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "n0": (2, (STEM,)),
    "n1": (3, ("n0",)),
    "n2": (4, ("n1",)),
    "n3": (5, ("n2",)),
    "n4": (6, ("n3",)),
    "n5": (7, ("n4",)),
    "c0n0": (5, ("n3", "n4")),
    "c0n1": (4, ("n2", "c0n0")),
    "c0n2": (5, ("c0n1", "c0n0")),
    "c0n3": (6, ("n5", "c0n0")),
    "c0n4": (7, ("n5", "c0n0")),
    "c0n5": (8, ("c0n4",)),
}
END_POINTS: Mapping[int, str] = {4: "c0n1", 5: "c0n2", 6: "c0n3", 7: "c0n4", 8: "c0n5"}
STRIDES: Mapping[int, int] = {4: 16, 5: 32, 6: 64, 7: 128, 8: 128}


class Inverted(NamedTuple):
    """1x1 to `expansion` times the channels of the *output*, depthwise, 1x1 (linear)."""

    kernel: int
    expansion: int
    stride: int = 1


class Separable(NamedTuple):
    """Depthwise with a bias and nothing else, then 1x1."""

    kernel: int
    stride: int = 1


class Grouped(NamedTuple):
    """A full convolution of each of `groups` slices of the channels to `expansion` times as many, then 1x1 (linear)."""

    kernel: int
    expansion: int
    stride: int
    groups: int


Layer = Inverted | Separable | Grouped


class SpaghettiNode(NamedTuple):
    """The channels of a node's maps, and its layers; each but the first is added to its input."""

    channels: int
    layers: tuple[Layer, ...]


_I4, _I8, _S3, _S5 = Inverted(3, 4), Inverted(3, 8), Separable(3), Separable(5)
_I8_HALF, _G4, _G8 = Inverted(3, 8, 2), Grouped(3, 4, 1, 4), Grouped(3, 8, 1, 4)
_FIRST = SpaghettiNode(48, (Grouped(3, 8, 2, 3),))
ARCHITECTURES: Mapping[str, Mapping[str, SpaghettiNode]] = {
    "spaghettinet_edgetpu_s": {
        "n0": _FIRST,
        "n1": SpaghettiNode(64, (Grouped(3, 4, 2, 4), _G4, _G4)),
        "n2": SpaghettiNode(72, (_I8_HALF, _G8, _I8, _I4)),
        "n3": SpaghettiNode(88, (_I8_HALF, _I8, _I4, _I4)),
        "n4": SpaghettiNode(88, (_I8_HALF, _S5, _S5, _S5)),
        "n5": SpaghettiNode(88, (Separable(5, 2), _S3)),
        "c0n0": SpaghettiNode(144, (_I4, _I4, _I4, _I4)),
        "c0n1": SpaghettiNode(120, (_I8, _I4, _I4, _I4)),
        "c0n2": SpaghettiNode(168, (_I4,)),
        "c0n3": SpaghettiNode(136, (_I4, _S3)),
        "c0n4": SpaghettiNode(136, (_I4,)),
        "c0n5": SpaghettiNode(64, (_S3, _S3)),
    },
    "spaghettinet_edgetpu_m": {
        "n0": _FIRST,
        "n1": SpaghettiNode(64, (Grouped(3, 8, 2, 4), _G4, _G4, _G4)),
        "n2": SpaghettiNode(72, (_I8_HALF, _G8, _I8, _I8)),
        "n3": SpaghettiNode(96, (_I8_HALF, _I8, _I8, _I4)),
        "n4": SpaghettiNode(104, (_I8_HALF, _I4, _S5, _I4)),
        "n5": SpaghettiNode(56, (Separable(5, 2), _S3)),
        "c0n0": SpaghettiNode(152, (_I8, _I4, _I4, _I4)),
        "c0n1": SpaghettiNode(120, (_I8, _I4, _I4, _I4)),
        "c0n2": SpaghettiNode(168, (_I4, _S3)),
        "c0n3": SpaghettiNode(136, (_S3, _S3, _S3)),
        "c0n4": SpaghettiNode(136, (_I4, _S5)),
        "c0n5": SpaghettiNode(64, (_S3, _S3)),
    },
    "spaghettinet_edgetpu_l": {
        "n0": _FIRST,
        "n1": SpaghettiNode(64, (Grouped(3, 8, 2, 4), _G8, _G8, _G4)),
        "n2": SpaghettiNode(80, (_I8_HALF, _I8, _I8, _I4)),
        "n3": SpaghettiNode(104, (_I8_HALF, _I8, _I8, _I8)),
        "n4": SpaghettiNode(88, (_I8_HALF, Inverted(5, 4), _I4, _I8)),
        "n5": SpaghettiNode(56, (Inverted(5, 4, 2), _S5)),
        "c0n0": SpaghettiNode(160, (_I8, _I4, _I4, _I4)),
        "c0n1": SpaghettiNode(120, (_I8, _I4, _I4, _I8)),
        "c0n2": SpaghettiNode(168, (_I4, _I4, _I4, _I4)),
        "c0n3": SpaghettiNode(112, (_I8, _I4, _S3)),
        "c0n4": SpaghettiNode(128, (_I4, _I4)),
        "c0n5": SpaghettiNode(64, (_S5, _S5)),
    },
}
DEFAULT = "spaghettinet_edgetpu_m"


class ConvolutionChain:
    """Convolutions one after the other."""

    def __init__(self, *layers: Convolution):
        self._layers = layers

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, C] -> [B, H', W', C']."""
        for layer in self._layers:
            x = layer(x, training)
        return x


class Rounding:
    """Rounds maps to 8 bits between the ends of a range that follows what it sees in training.

    The ends are running averages without the bias of their first values (Kingma and Ba 2014, arXiv:1412.6980, section
    3), each already with the batch that it rounds. The range includes 0. Gradients pass within it.

    The variables are `<name>/{min,max}` and, for the averages, `<name>/<name>/{min,max}/{biased,local_step}`.
    """

    def __init__(self, variables: Variables, name: str):
        self._ends = []
        for end, first in (("min", 0.0), ("max", 6.0)):
            state = f"{name}/{name}/{end}"
            values = {f"{name}/{end}": first, f"{state}/biased": 0.0, f"{state}/local_step": 0.0}
            parts = [(part, initializers.constant(value)) for part, value in values.items()]
            self._ends.append([variables.add(part, (), value, trainable=False) for part, value in parts])

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, C] -> the same shape."""
        wide = tf.cast(x, tf.float32)
        if training:
            seen = [tf.minimum(tf.reduce_min(wide), 0.0), tf.maximum(tf.reduce_max(wide), 0.0)]
            low, high = tf.unstack(replicas.gather(tf.stop_gradient(tf.stack(seen))), axis=1)
            seen = tf.reduce_min(low), tf.reduce_max(high)
            ends = [self._followed(*end, value) for end, value in zip(self._ends, seen, strict=True)]
        else:
            ends = [end for end, _, _ in self._ends]
        return tf.cast(rounded(wide, *ends), x.dtype)

    @staticmethod
    def _followed(end: tf.Variable, biased: tf.Variable, steps: tf.Variable, value: tf.Tensor) -> tf.Tensor:
        """The end of the range after a step towards `value`."""
        share = tf.constant(1 - RANGE_DECAY, tf.float32)
        total, count = biased - (biased - value) * share, steps + 1
        result = total / (1 - (1 - share) ** count)
        for variable, new in ((biased, total), (steps, count), (end, result)):
            replicas.assign(variable, new)
        return result


def rounded(x: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """`x` at the nearest of 256 equal steps from `low` to `high`, which shift a little so that 0 is one of them."""
    return tf.quantization.fake_quant_with_min_max_vars(x, low, high, num_bits=RANGE_BITS)


class Slices:
    """A convolution of each slice of the channels, their results side by side, rounded, and a 1x1 convolution."""

    def __init__(self, slices: Sequence[Convolution], rounding: Rounding, projection: Convolution):
        self._slices, self._rounding, self._projection = slices, rounding, projection

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, C] -> [B, H', W', C']."""
        parts = tf.split(x, len(self._slices), axis=3)
        x = tf.concat([layer(part, training) for layer, part in zip(self._slices, parts, strict=True)], axis=3)
        return self._projection(self._rounding(x, training), training)


class Edge:
    """From the map of one level to another level's size and channels, linear.

    steps: how many levels coarser the result is, negative for finer. The 1x1 convolution is on the smaller of both.
    """

    def __init__(
        self, variables: Variables, name: str, channels_in: int, channels: int, steps: int, *, explicit_padding: bool
    ):
        kind = "1x1_no_resampling" if not steps else "1x1_after_downsampling" if steps > 0 else "1x1_before_upsample"
        self._steps, self._explicit_padding = steps, explicit_padding
        self._convolution = Convolution(
            variables, f"{name}/{kind}", channels_in, channels, PUBLISHED.linear(), kernel=1
        )

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, H', W', channels]."""
        if self._steps > 0:
            stride, padding = 2**self._steps, "SAME"
            if self._explicit_padding:
                x, padding = pad_explicitly(x, (stride + 1, stride + 1)), "VALID"
            x = tf.nn.max_pool2d(x, stride + 1, stride, padding)
        x = self._convolution(x, training)
        for _ in range(-self._steps):
            x = upsampling.twice(x)
        return x


class SpaghettiNet:
    """The nodes in order. A `Backbone`.

    scope: the variables are `<scope>/spaghetti_net/<node>_<layer>/...` and `<scope>/edge_<from>_<to>/...`.
    nodes: those of one of `ARCHITECTURES`.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        nodes: Mapping[str, SpaghettiNode],
        *,
        channels_in: int = 3,
        explicit_padding: bool = False,
    ):
        padding = "EXPLICIT" if explicit_padding else "SAME"
        stem = f"{scope}/spaghetti_net/stem_node/stem"
        self._stem = Convolution(
            variables, stem, channels_in, STEM_CHANNELS, PUBLISHED, kernel=STEM_KERNEL, stride=2, padding=padding
        )
        self._edges: dict[str, list[Edge]] = {}
        self._layers: dict[str, list[ConvolutionChain | Slices]] = {}
        depths = {STEM: STEM_CHANNELS}
        for name, node in nodes.items():
            level, sources = WIRING[name]
            channels = depths[sources[0]]
            if len(sources) > 1:
                channels = node.channels
                self._edges[name] = [
                    Edge(
                        variables,
                        f"{scope}/edge_{source}_{name}",
                        depths[source],
                        channels,
                        level - WIRING[source][0],
                        explicit_padding=explicit_padding,
                    )
                    for source in sources
                ]
            self._layers[name] = []
            for index, layer in enumerate(node.layers):
                place = f"{scope}/spaghetti_net/{name}_{index}"
                self._layers[name].append(_built(variables, place, layer, channels, node.channels, explicit_padding))
                channels = node.channels
            depths[name] = channels
        self.end_points = dict(END_POINTS)
        self.strides = dict(STRIDES)
        self.channels = {level: depths[name] for level, name in END_POINTS.items()}

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}."""
        found = {STEM: self._stem(images, training)}
        for name, layers in self._layers.items():
            x = self._input(name, found, training)
            for index, layer in enumerate(layers):
                y = layer(x, training)
                x = y + x if index else y
            found[name] = x
        return {level: found[name] for level, name in self.end_points.items()}

    def _input(self, name: str, found: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """The input of a node; where maps are summed, all are cut to the size of the one from the finest level."""
        _, sources = WIRING[name]
        if name not in self._edges:
            return found[sources[0]]
        parts = [edge(found[source], training) for edge, source in zip(self._edges[name], sources, strict=True)]
        finest = min(range(len(sources)), key=lambda place: WIRING[sources[place]][0])
        height, width = tf.unstack(tf.shape(parts[finest])[1:3])
        return tf.nn.relu6(tf.add_n([part[:, :height, :width] for part in parts]))

    def object_graph_keys(self) -> dict[str, str]:
        """None: the network is TF1's."""
        return {}


def _built(
    variables: Variables, name: str, layer: Layer, channels_in: int, channels: int, explicit_padding: bool
) -> ConvolutionChain | Slices:
    """The convolutions of a layer; only those with a stride are padded explicitly."""
    shape = {"kernel": layer.kernel, "stride": layer.stride}
    shape["padding"] = "EXPLICIT" if explicit_padding and layer.stride > 1 else "SAME"
    linear = PUBLISHED.linear()
    if isinstance(layer, Separable):
        return ConvolutionChain(
            DepthwiseConvolution(variables, f"{name}/depthwise", channels_in, PUBLISHED.head(), **shape),
            Convolution(variables, f"{name}/pointwise", channels_in, channels, PUBLISHED, kernel=1),
        )
    if isinstance(layer, Inverted):
        inner = channels * layer.expansion
        return ConvolutionChain(
            Convolution(variables, f"{name}/expansion", channels_in, inner, PUBLISHED, kernel=1),
            DepthwiseConvolution(variables, f"{name}/depthwise", inner, PUBLISHED, **shape),
            Convolution(variables, f"{name}/projection", inner, channels, linear, kernel=1),
        )
    part = channels_in // layer.groups
    slices = [
        Convolution(variables, f"{name}/slice_{index}", part, part * layer.expansion, PUBLISHED, **shape)
        for index in range(layer.groups)
    ]
    rounding = Rounding(variables, f"{name}/concat")
    inner = channels_in * layer.expansion
    return Slices(slices, rounding, Convolution(variables, f"{name}/projection", inner, channels, linear, kernel=1))


def features(
    variables: Variables,
    scope: str,
    *,
    spaghettinet_arch_name: str = "",
    use_explicit_padding: bool = False,
    channels_in: int = 3,
) -> SpaghettiNet:
    """The network of `ARCHITECTURES` with this name, "" for the usual one, whose variables are in a scope named so."""
    name = spaghettinet_arch_name or DEFAULT
    return SpaghettiNet(
        variables,
        f"{scope.rpartition('/')[0]}/{name}",
        ARCHITECTURES[name],
        channels_in=channels_in,
        explicit_padding=use_explicit_padding,
    )

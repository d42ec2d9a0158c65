"""What all Inception networks are made of: steps in a row, and branches over one input whose results are concatenated.

Szegedy et al. 2014, https://arxiv.org/abs/1409.4842, section 5. A network is written down as a mapping of names to the
definitions `Conv`, `Pool`, `Mixed` and `Fork`; `Chain` builds it. The names are those of TF-Slim's scopes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol

import tensorflow as tf

from boxwright.detector import initializers, object_graph
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Convolution, Variables

# The published number of channels of a layer -> the number that it gets here.
Width = Callable[[int], int]


class Layer(Protocol):
    """A built step, a `Convolution` or of one of the kinds below."""

    channels_out: int
    stride: int

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, H', W', channels_out]."""
        ...

    def graph(self) -> object_graph.Layers:
        """Its convolutions, as `object_graph.numbered` takes them; a `Convolution` has no such method."""
        ...


class Definition(Protocol):
    """One step of a network, from which its layer is built."""

    def build(self, variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width) -> Layer:
        """The layer with the scope `name`."""
        ...


Steps = Mapping[str, Definition]


class Conv(NamedTuple):
    """A convolution. stddev: of its truncated normal initial values; None: those of the settings."""

    channels: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1
    padding: str = "SAME"
    rate: int = 1
    stddev: float | None = None

    def build(
        self, variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width
    ) -> Convolution:
        if self.stddev is not None:
            settings = replace(settings, initializer=initializers.truncated_normal(stddev=self.stddev))
        return Convolution(
            variables,
            name,
            channels_in,
            width(self.channels),
            settings,
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
            rate=self.rate,
        )


class Pool(NamedTuple):
    """The largest ("MAX") or the mean ("AVG") of 3x3 cells; cells beyond the border do not count."""

    kind: str
    stride: int = 1
    padding: str = "SAME"

    def build(
        self, variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width
    ) -> "PoolingLayer":
        return PoolingLayer(self, channels_in)


class Mixed:
    """Branches over one input, in the scopes Branch_0, Branch_1 and so on."""

    def __init__(self, *branches: Steps):
        self.branches = branches

    def build(
        self, variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width
    ) -> "Branches":
        return Branches(
            [
                Chain(variables, f"{name}/Branch_{index}", channels_in, steps, settings, width)
                for index, steps in enumerate(self.branches)
            ]
        )


class Fork:
    """Branches of one step each at the end of a branch, whose scope they share."""

    def __init__(self, steps: Steps):
        self.steps = steps

    def build(
        self, variables: Variables, name: str, channels_in: int, settings: Hyperparams, width: Width
    ) -> "Branches":
        scope = name.rpartition("/")[0]
        return Branches(
            [Chain(variables, scope, channels_in, {n: step}, settings, width) for n, step in self.steps.items()]
        )


class PoolingLayer:
    """A built `Pool`."""

    def __init__(self, definition: Pool, channels: int):
        self.channels_out, self.stride, self._padding = channels, definition.stride, definition.padding
        self._pool = {"MAX": tf.nn.max_pool2d, "AVG": tf.nn.avg_pool2d}[definition.kind]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self._pool(x, 3, self.stride, self._padding)

    @staticmethod
    def graph() -> object_graph.Layers:
        return []


class Chain:
    """Steps in a row: [B, H, W, channels_in] -> [B, H', W', channels_out]. `layers`: the built steps by name."""

    def __init__(
        self, variables: Variables, scope: str, channels_in: int, steps: Steps, settings: Hyperparams, width: Width
    ):
        self.layers: dict[str, Layer] = {}
        self.channels_out, self.stride = channels_in, 1
        for name, step in steps.items():
            layer = step.build(variables, f"{scope}/{name}", self.channels_out, settings, width)
            self.layers[name] = layer
            self.channels_out, self.stride = layer.channels_out, self.stride * layer.stride

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        for layer in self.layers.values():
            x = layer(x, training)
        return x

    def graph(self) -> object_graph.Layers:
        found: list[Convolution | tuple[Convolution, ...]] = []
        for layer in self.layers.values():
            found += [layer] if isinstance(layer, Convolution) else layer.graph()
        return found


class Branches:
    """Chains over one input, whose results are concatenated."""

    def __init__(self, chains: list[Chain]):
        self.chains = chains
        self.channels_out = sum(chain.channels_out for chain in chains)
        (self.stride,) = {chain.stride for chain in chains}

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.concat([chain(x, training) for chain in self.chains], axis=-1)

    def graph(self) -> object_graph.Layers:
        return object_graph.side_by_side([chain.graph() for chain in self.chains])


class InceptionNetwork:
    """A chain over images; a `Backbone` whose maps are the results of some of its steps.

    end_points: the step of each map, by level, finest first; steps after the last of them are not built.
    key: the path of the layers in TF2's object graph, before their numbers; "" for a network of TF1.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        steps: Steps,
        settings: Hyperparams,
        width: Width = int,
        *,
        channels_in: int = 3,
        end_points: Mapping[int, str],
        key: str = "",
    ):
        self._key = key
        last = list(steps).index(list(end_points.values())[-1])
        used = {name: steps[name] for name in list(steps)[: last + 1]}
        self.chain = Chain(variables, scope, channels_in, used, settings, width)
        self.end_points = dict(end_points)
        self.channels: dict[int, int] = {}
        self.strides: dict[int, int] = {}
        levels, stride = {name: level for level, name in end_points.items()}, 1
        for name, layer in self.chain.layers.items():
            stride *= layer.stride
            if name in levels:
                self.channels[levels[name]], self.strides[levels[name]] = layer.channels_out, stride

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}."""
        found, x = {}, images
        for name, layer in self.chain.layers.items():
            x = found[name] = layer(x, training)
        return {level: found[name] for level, name in self.end_points.items()}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        return object_graph.numbered(self._key, self.chain.graph()) if self._key else {}


class RegionFeatures:
    """A chain over the region cut out for each proposal; `BoxFeatures`. key: as for a `InceptionNetwork`."""

    def __init__(
        self,
        variables: Variables,
        scope: str,
        steps: Steps,
        settings: Hyperparams,
        width: Width = int,
        *,
        channels_in: int,
        key: str = "",
    ):
        self._key = key
        self.chain = Chain(variables, scope, channels_in, steps, settings, width)
        self.channels = self.chain.channels_out

    def __call__(self, regions: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.chain(regions, training)

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        return object_graph.numbered(self._key, self.chain.graph()) if self._key else {}


def scaled(depth_multiplier: float, min_depth: int) -> Width:
    """The width at which a layer of d channels gets max(int(d * depth_multiplier), min_depth)."""
    return lambda channels: max(int(channels * depth_multiplier), min_depth)


def published(train_batch_norm: bool, scale: bool) -> Hyperparams:
    """The settings of all layers in a Faster R-CNN; batch norm uses its moving averages unless it trains.

    scale: whether batch norm has a gamma.
    """
    return Hyperparams(
        activation=tf.nn.relu,
        batch_norm=BatchNorm(decay=0.9997, center=True, scale=scale, epsilon=0.001, train=train_batch_norm),
    )

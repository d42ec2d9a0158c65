"""BiFPN, the neck of EfficientDet (Tan et al. 2020, https://arxiv.org/abs/1911.09070, section 3).

Feature maps go down from the coarsest level to the finest and up again, several times. Each node sums its inputs with
learned weights and then convolves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from boxwright.detector import initializers, object_graph
from boxwright.detector.backbones import Backbone
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.necks import upsampling
from boxwright.detector.separable import SeparableConvolution

KEY = f"{object_graph.EXTRACTOR}/_bifpn_stage"


def _fast(weights: tf.Tensor) -> tf.Tensor:
    positive = tf.nn.relu(weights)
    return positive / (tf.reduce_sum(positive) + 1e-4)


# From the learned weights of a node's inputs, float32 [n, 1], to what they are multiplied with.
Combine = Callable[[tf.Tensor], tf.Tensor]
COMBINE_METHODS: Mapping[str, Combine] = {
    "fast_attention": _fast,
    # Unlike in the paper, the OD API's softmax is over the axis of length 1: every weight becomes 1, and none learns.
    "attention": tf.nn.softmax,
    "weighted_sum": lambda weights: weights,
}


class Resample:
    """From the map of one level to another level's size and channels: 1x1 convolution where they differ, then resized.

    steps: how many levels coarser the result is, -1 for finer.
    """

    def __init__(
        self, variables: Variables, name: str, channels_in: int, channels: int, steps: int, hyperparams: Hyperparams
    ):
        self.steps = steps
        self.convolution = None
        if channels_in != channels:
            self.convolution = Convolution(variables, name, channels_in, channels, hyperparams.linear(), kernel=1)

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, H', W', channels]."""
        if self.convolution is not None:
            x = self.convolution(x, training)
        if self.steps > 0:
            return tf.nn.max_pool2d(x, 3, 2, "SAME")
        return upsampling.twice(x) if self.steps < 0 else x


class Node:
    """Weighted sum of the inputs, activation, depthwise separable 3x3 convolution, batch norm.

    A node with one input has none of these: it only resizes.

    sources: the place of each input among all maps.
    resamples: what makes each input fit.
    combine: one of `COMBINE_METHODS`; None: a sum without weights.
    """

    def __init__(
        self,
        variables: Variables,
        name: str,
        sources: Sequence[int],
        resamples: Sequence[Resample],
        channels: int,
        combine: Combine | None,
        hyperparams: Hyperparams,
    ):
        self._sources, self._resamples = sources, resamples
        self._activation, self._combine = hyperparams.activation, combine
        self._weights_name = f"{name}/combine/weights"
        self._weights = None
        self._convolution = None
        if len(sources) == 1:
            return
        if combine is not None:
            self._weights = variables.add(self._weights_name, (len(sources), 1), initializers.constant(1))
        self._convolution = SeparableConvolution(
            variables, f"{name}/separable", channels, channels, hyperparams.linear(), hyperparams, kernel=3
        )

    def __call__(self, maps: Sequence[tf.Tensor], training: bool) -> tf.Tensor:
        """All maps so far [B, H, W, C] -> the next one."""
        parts = [
            resample(maps[source], training) for source, resample in zip(self._sources, self._resamples, strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        if self._weights is not None:
            weights = tf.unstack(tf.cast(self._combine(self._weights)[:, 0], parts[0].dtype))
            parts = [part * weight for part, weight in zip(parts, weights, strict=True)]
        x = tf.add_n(parts)
        x = x if self._activation is None else self._activation(x)
        return self._convolution(x, training)

    def object_graph_keys(self, number: int) -> dict[str, str]:
        """Keys of TF2 by name; the node is the one with this number."""
        found: dict[str, str] = {}
        for index, resample in enumerate(self._resamples):
            if resample.convolution is not None:
                # The first place in the block belongs to its name.
                found |= object_graph.numbered(f"{KEY}/node_input_blocks/{number}/{index}/1/", [resample.convolution])
        if self._weights is not None:
            key = f"{KEY}/node_combine_op/{number}/bifpn_combine_weights{object_graph.SUFFIX}"
            found[self._weights_name] = key
        if self._convolution is not None:
            # The activation comes first.
            found |= object_graph.numbered(f"{KEY}/node_post_combine_block/{number}/", [self._convolution], 1)
        return found


class BiFpn:
    """The nodes in order. A `Neck`.

    scope: the variables are `<scope>/bifpn/node_<number>/...`.
    levels: of the returned maps. Those above the backbone's coarsest are pooled from it.
    iterations: how often the maps go down and up.
    channels: of every returned map.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        backbone: Backbone,
        hyperparams: Hyperparams,
        *,
        levels: range,
        iterations: int,
        channels: int,
        combine: Combine | None,
    ):
        self.channels = dict.fromkeys(levels, channels)
        self._given = [level for level in backbone.channels if level in levels]
        self._nodes: list[Node] = []
        places, depths = list(self._given), [backbone.channels[level] for level in self._given]
        for number, (level, sources) in enumerate(wiring(self._given, levels, iterations)):
            name = f"{scope}/bifpn/node_{number}"
            resamples = [
                Resample(variables, f"{name}/input_{index}", depths[at], channels, level - places[at], hyperparams)
                for index, at in enumerate(sources)
            ]
            self._nodes.append(Node(variables, name, sources, resamples, channels, combine, hyperparams))
            places.append(level)
            depths.append(channels)
        self._last = {level: place for place, level in enumerate(places)}

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """The backbone's maps {level: [B, h, w, C]} -> the last map of each level, finest first."""
        every = [maps[level] for level in self._given]
        for node in self._nodes:
            every.append(node(every, training))
        return {level: every[self._last[level]] for level in self.channels}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        found: dict[str, str] = {}
        for number, node in enumerate(self._nodes):
            found |= node.object_graph_keys(number)
        return found


def wiring(given: Sequence[int], levels: range, iterations: int) -> list[tuple[int, list[int]]]:
    """The level of each node and the places of its inputs.

    given: the levels of the backbone's maps. Places count these maps first and then the nodes.
    """
    nodes: list[tuple[int, list[int]]] = []
    latest = {level: place for place, level in enumerate(given)}

    def add(level: int, *sources: int) -> None:
        latest[level] = len(given) + len(nodes)
        nodes.append((level, list(sources)))

    for level in levels:
        if level not in latest:
            add(level, latest[level - 1])
    for _ in range(iterations):
        before = dict(latest)
        for level in reversed(levels[:-1]):
            add(level, before[level], latest[level + 1])
        for level in levels[1:]:
            # The coarsest level has no node on the way down.
            down = [latest[level]] if level != levels[-1] else []
            add(level, before[level], *down, latest[level - 1])
    return nodes


def make(
    variables: Variables,
    scope: str,
    backbone: Backbone,
    *,
    conv_hyperparams: Hyperparams,
    levels: range,
    bifpn: Mapping[str, Any],
) -> BiFpn:
    """The neck, with maps of the `levels`; `bifpn` holds the fields of the message of this name."""
    return BiFpn(
        variables,
        scope,
        backbone,
        conv_hyperparams,
        levels=levels,
        iterations=bifpn["num_iterations"],
        channels=bifpn["num_filters"],
        combine=COMBINE_METHODS.get(bifpn["combine_method"]),
    )

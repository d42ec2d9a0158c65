"""Networks of inverted residual blocks (Sandler et al. 2018, https://arxiv.org/abs/1801.04381) with TF-Slim's names."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.squeeze_excite import SqueezeExcite
from boxwright.detector.layers import Convolution


class InvertedResidual:
    """Expand the channels, filter, weigh them, project (linear); a step that is None is left out.

    residual: whether the input is added to the result.
    """

    def __init__(
        self,
        expand: Convolution | None,
        filter_: Convolution | None,
        weigh: SqueezeExcite | None,
        project: Convolution,
        *,
        residual: bool,
    ):
        self.expand, self.filter, self.weigh, self.project = expand, filter_, weigh, project
        self.residual = residual

    def layers(self) -> list[Convolution]:
        """Its convolutions in order."""
        weigh = [] if self.weigh is None else self.weigh.layers
        return [layer for layer in (self.expand, self.filter, *weigh, self.project) if layer is not None]

    @property
    def strides(self) -> tuple[int, int]:
        """Input pixels per pixel, each way, of the expansion and of the output."""
        expansion = 1 if self.expand is None else self.expand.stride
        return expansion, expansion * (1 if self.filter is None else self.filter.stride)

    def __call__(self, x: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """(output, expansion) of [B, H, W, C]."""
        y = expansion = x if self.expand is None else self.expand(x, training)
        if self.filter is not None:
            y = self.filter(y, training)
        if self.weigh is not None:
            y = self.weigh(y)
        y = self.project(y, training)
        return (y + x if self.residual else y), expansion


class InvertedResiduals:
    """A convolution, blocks and perhaps a last convolution. A `Backbone`.

    end_points: the layer whose output is returned, by level: "layer_<n>", where the stem is layer 1 and each block and
        the last convolution one more, or "layer_<n>/expansion_output" for the expansion in a block.
    names: what the variables of the neck call these layers; None: by the names above.
    keras: whether the network is TF2's. key: the path of the layers in TF2's object graph.
    """

    def __init__(
        self,
        stem: Convolution,
        blocks: Sequence[InvertedResidual],
        last: Convolution | None,
        end_points: Mapping[int, str],
        names: Mapping[int, str] | None = None,
        keras: bool = False,
        key: str = object_graph.BACKBONE,
    ):
        self._stem, self.blocks, self._last = stem, blocks, last
        self._layers = dict(end_points)
        self._keras, self._key = keras, key
        self.end_points = dict(names or end_points)
        facts = self._facts()
        self.strides = {level: facts[layer][0] for level, layer in self._layers.items()}
        self.channels = {level: facts[layer][1] for level, layer in self._layers.items()}

    def _facts(self) -> dict[str, tuple[int, int]]:
        """Stride and channels of every end point."""
        stride, channels = self._stem.stride, self._stem.channels_out
        found = {"layer_1": (stride, channels)}
        for number, block in enumerate(self.blocks, 2):
            of_expansion, of_output = block.strides
            wide = channels if block.expand is None else block.expand.channels_out
            channels = block.project.channels_out
            found[f"layer_{number}/expansion_output"] = (stride * of_expansion, wide)
            stride *= of_output
            found[f"layer_{number}"] = (stride, channels)
        if self._last is not None:
            found[f"layer_{len(self.blocks) + 2}"] = (stride, self._last.channels_out)
        return found

    def unused(self) -> list[Convolution]:
        """The convolutions that no output depends on, only moving averages."""
        each = [[self._stem], *(block.layers() for block in self.blocks), [] if self._last is None else [self._last]]
        last = max(int(layer.partition("/")[0].removeprefix("layer_")) for layer in self._layers.values())
        return [layer for layers in each[last:] for layer in layers]

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {level: map}."""
        x = self._stem(images, training)
        found = {"layer_1": x}
        for number, block in enumerate(self.blocks, 2):
            x, expansion = block(x, training)
            found |= {f"layer_{number}/expansion_output": expansion, f"layer_{number}": x}
        if self._last is not None:
            found[f"layer_{len(self.blocks) + 2}"] = self._last(x, training)
        return {level: found[layer] for level, layer in self._layers.items()}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self._keras:
            return {}
        last = [] if self._last is None else [self._last]
        layers = [self._stem, *(layer for block in self.blocks for layer in block.layers()), *last]
        return object_graph.numbered(self._key, layers)

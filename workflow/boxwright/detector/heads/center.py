"""The heads of CenterNet: a heat map of centres, sizes of boxes, and offsets of centres, each from a map by its own.

Zhou et al. 2019, https://arxiv.org/abs/1904.07850, section 3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector import object_graph
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.separable import SeparableConvolution

# What is predicted, by the OD API's names.
CENTER, SCALE, OFFSET = "object_center", "box/scale", "box/offset"
# Height and width; along y and x.
PAIR = 2
# Where nothing is said of the convolutions before the last.
FILTERS, KERNELS = (256,), (3,)
HIDDEN, LINEAR = Hyperparams(), Hyperparams(activation=None)


class CenterHeads:
    """Heads of every kind for every map of the network: some convolutions with ReLU, then a 1x1 convolution.

    The variables are `PredictionHeads/<kind>/<map>/conv_<i>/*`.

    maps, channels: how many maps, and their channels.
    layers: the messages `PredictionHeadParams` by kind, as plain values.
    depthwise: whether the convolutions before the last are separable.
    bias: initial value of the logits' biases.
    """

    def __init__(
        self,
        variables: Variables,
        maps: int,
        channels: int,
        num_classes: int,
        *,
        layers: Mapping[str, Mapping[str, Sequence[int]]],
        depthwise: bool,
        bias: float,
    ):
        self._heads: dict[str, list[list[Convolution]]] = {}
        for kind, width in ((CENTER, num_classes), (SCALE, PAIR), (OFFSET, PAIR)):
            given = layers.get(kind, {})
            filters, kernels = given.get("num_filters") or FILTERS, given.get("kernel_sizes") or KERNELS
            self._heads[kind] = []
            for number in range(maps):
                name, before = f"PredictionHeads/{kind}/{number}", channels
                head: list[Convolution] = []
                for count, kernel in zip(filters, kernels, strict=True):
                    arguments: list[Any] = [variables, f"{name}/conv_{len(head)}", before, count, HIDDEN]
                    if depthwise:
                        head.append(SeparableConvolution(*arguments, HIDDEN, kernel=kernel))
                    else:
                        head.append(Convolution(*arguments, kernel=kernel))
                    before = count
                initial = bias if kind == CENTER else 0.0
                last = f"{name}/conv_{len(head)}"
                head.append(Convolution(variables, last, before, width, LINEAR, kernel=1, bias=initial))
                self._heads[kind].append(head)

    def __call__(self, maps: Sequence[tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        """Maps [B, h, w, C] -> `<kind>_<map>`: float32 [B, h, w, K] of centres (logits), [B, h, w, 2] of the others."""
        found: dict[str, tf.Tensor] = {}
        for kind, heads in self._heads.items():
            for number, (x, head) in enumerate(zip(maps, heads, strict=True)):
                for layer in head:
                    x = layer(x, training)
                found[f"{kind}_{number}"] = tf.cast(x, tf.float32)
        return found

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables of the last convolutions of the heat maps."""
        names = [head[-1].name for head in self._heads[CENTER]]
        return {f"{name}/{part}": ClassColumns(False) for name in names for part in ("weights", "biases")}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        found: dict[str, str] = {}
        for kind, heads in self._heads.items():
            for number, head in enumerate(heads):
                # A dictionary's key cannot hold a slash.
                path = f"{object_graph.CENTER_HEADS}/{kind.replace('/', '.S')}/{number}"
                found |= object_graph.numbered(f"{path}/layer_with_weights-", head)
        return found


def make(
    variables: Variables,
    maps: int,
    channels: int,
    num_classes: int,
    *,
    layers: Mapping[str, Mapping[str, Sequence[int]]],
    use_depthwise: bool = False,
    heatmap_bias_init: float,
) -> CenterHeads:
    """The heads on `maps` maps with `channels` channels."""
    return CenterHeads(
        variables,
        maps,
        channels,
        num_classes,
        layers=layers,
        depthwise=use_depthwise,
        bias=heatmap_bias_init,
    )

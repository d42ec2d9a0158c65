"""Feature pyramid network: coarse maps enrich the finer ones (Lin et al. 2016, https://arxiv.org/abs/1612.03144)."""

import re
from collections.abc import Mapping

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones import Backbone
from boxwright.detector.hyperparams import Hyperparams, depthwise_of_keras
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.necks import upsampling
from boxwright.detector.separable import SeparableConvolution

# What the OD API uses without an `fpn` block.
DEFAULT = {"min_level": 3, "max_level": 7, "additional_layer_depth": 256}


class FeaturePyramid:
    """A path from the coarsest map of the backbone to the finest one in use, and further maps beyond the coarsest.

    Each map of the backbone gets a 1x1 convolution, `projection_<i>` (i counts from 1 at the finest level), which has a
    bias, no batch norm and no activation. That of the coarsest level is a result as it is. On each level below, the map
    of the level above is enlarged twofold and added, and a 3x3 convolution, `smoothing_<i>`, makes the result. What is
    enlarged is the sum before that convolution in TF1, as in the paper, and the result in TF2. Further levels are 3x3
    convolutions with stride 2, each of the level before.

    If the last level is not beyond the backbone's last, TF1's pyramid ends below the coarsest map. TF2's counts the
    backbone's maps from the coarsest, so the maps of its levels are those of coarser levels then.

    scope: the variables are in `<scope>/fpn`.
    levels: the first and the last.
    depth: channels of all results.
    bottom_up: the name of the first further map; those of the next ones count on.
    depthwise: settings of the depthwise kernels if the 3x3 convolutions are separable; None: they are full.
    explicit_padding: pad by the kernel's size instead of "SAME"; an enlarged map is then cut to the size of its level.
    keras: whether this is TF2's network.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        backbone: Backbone,
        hyperparams: Hyperparams,
        depthwise: Hyperparams | None = None,
        *,
        levels: tuple[int, int],
        depth: int,
        bottom_up: str,
        explicit_padding: bool = False,
        keras: bool = False,
    ):
        first, last = levels
        scope = f"{scope}/fpn"
        padding = "EXPLICIT" if explicit_padding else "SAME"
        self._keras = keras
        self._explicit_padding = explicit_padding
        top = min(last, max(backbone.channels))
        self._shift = max(backbone.channels) - top if keras else 0

        def conv3x3(name: str, stride: int) -> Convolution:
            settings = {"stride": stride, "padding": padding}
            if depthwise is None:
                return Convolution(variables, f"{scope}/{name}", depth, depth, hyperparams, **settings)
            pointwise = depthwise_of_keras(hyperparams) if keras else hyperparams
            return SeparableConvolution(
                variables, f"{scope}/{name}", depth, depth, pointwise, depthwise, kernel=3, **settings
            )

        self._projections: dict[int, Convolution] = {}
        self._smoothing: dict[int, Convolution] = {}
        for level in range(top, first - 1, -1):
            number, channels = level - first + 1, backbone.channels[level + self._shift]
            self._projections[level] = Convolution(
                variables, f"{scope}/projection_{number}", channels, depth, hyperparams.head(), kernel=1
            )
            if level < top:
                self._smoothing[level] = conv3x3(f"smoothing_{number}", stride=1)
        stem, number = re.fullmatch(r"(.*?)(\d+)", bottom_up).groups()
        self._further = {
            level: conv3x3(f"bottom_up_{stem}{int(number) + level - top - 1}", stride=2)
            for level in range(top + 1, last + 1)
        }
        self.channels = dict.fromkeys(range(first, last + 1), depth)

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """The maps of the backbone {level: [B, h, w, C]} -> those of the pyramid, finest first.

        The sides of a map must be twice those of the next one, except with explicit padding.
        """
        found: dict[int, tf.Tensor] = {}
        above = None
        for level, projection in self._projections.items():
            result = total = projection(maps[level + self._shift], training)
            if above is not None:
                enlarged = upsampling.twice(above)
                if self._explicit_padding:
                    enlarged = enlarged[:, : tf.shape(total)[1], : tf.shape(total)[2]]
                total += enlarged
                result = self._smoothing[level](total, training)
            found[level] = result
            above = result if self._keras else total
        x = found[max(found)]
        for level, layer in self._further.items():
            x = found[level] = layer(x, training)
        return {level: found[level] for level in sorted(found)}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self._keras:
            return {}
        top, *below = self._projections.values()
        generator = f"{object_graph.EXTRACTOR}/_fpn_features_generator"
        found = object_graph.listed(f"{generator}/top_layers", [top])
        for index, layer in enumerate(below):
            found |= object_graph.listed(f"{generator}/residual_blocks/{index}", [layer])
        for index, layer in enumerate(self._smoothing.values()):
            found |= object_graph.listed(f"{generator}/conv_layers/{index}", [layer])
        for index, layer in enumerate(self._further.values()):
            found |= object_graph.listed(f"{object_graph.EXTRACTOR}/_coarse_feature_layers/{index}", [layer])
        return found


def make(
    variables: Variables,
    scope: str,
    backbone: Backbone,
    *,
    conv_hyperparams: Hyperparams,
    bottom_up: str,
    fpn: Mapping[str, int] = DEFAULT,
    depth_multiplier: float = 1.0,
    min_depth: int = 16,
    use_explicit_padding: bool = False,
    use_depthwise: bool = False,
    keras: bool = False,
) -> FeaturePyramid:
    """The neck with the levels and the depth that the block `fpn` gives."""
    return FeaturePyramid(
        variables,
        scope,
        backbone,
        conv_hyperparams,
        conv_hyperparams if use_depthwise else None,
        levels=(fpn["min_level"], fpn["max_level"]),
        depth=max(int(fpn["additional_layer_depth"] * depth_multiplier), min_depth),
        bottom_up=bottom_up,
        explicit_padding=use_explicit_padding,
        keras=keras,
    )

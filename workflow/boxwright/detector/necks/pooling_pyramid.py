"""Coarser feature maps by pooling alone (Jin et al. 2018, https://arxiv.org/abs/1807.03284)."""

from collections.abc import Mapping

import tensorflow as tf

from boxwright.detector.backbones import Backbone
from boxwright.detector.layers import Variables


class PoolingPyramid:
    """Each map is the one before with the largest of every 2x2 values. A `Neck` without variables.

    count: how many maps there are, the backbone's included.
    """

    def __init__(self, backbone: Backbone, count: int):
        ((level, channels),) = backbone.channels.items()
        self.channels = dict.fromkeys(range(level, level + count), channels)

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """The backbone's only map {level: [B, h, w, C]} and those pooled from it."""
        (x,) = maps.values()
        found = {}
        for level in self.channels:
            found[level] = x
            x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        return found

    def object_graph_keys(self) -> dict[str, str]:
        """None: there are no variables."""
        return {}


def make(variables: Variables, scope: str, backbone: Backbone, *, num_layers: int = 6) -> PoolingPyramid:
    """The neck that pools until there are `num_layers` maps."""
    return PoolingPyramid(backbone, num_layers)

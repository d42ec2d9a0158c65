"""Transposed convolutions on the coarsest map (Xiao et al. 2018, https://arxiv.org/abs/1804.06208), as in CenterNet.

Three times a 3x3 convolution and a 3x3 transposed convolution with stride 2, each with batch norm and ReLU.
"""

from collections.abc import Mapping

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones import Backbone
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.transposed import TransposedConvolution

WIDTHS = (256, 128, 64)
# Keras' defaults.
SETTINGS = Hyperparams(batch_norm=BatchNorm(decay=0.99, scale=True, epsilon=0.001), bias=True)


class Deconvolutions:
    """The coarsest map of the backbone to one that is eight times finer; a `Neck`.

    The variables are `<scope>/deconvolutions/{conv,transposed}_<i>/*`, i from 1.
    """

    def __init__(self, variables: Variables, scope: str, backbone: Backbone):
        (self._coarsest,) = backbone.channels
        channels = backbone.channels[self._coarsest]
        self._layers: list[Convolution] = []
        for number, width in enumerate(WIDTHS, 1):
            name = f"{scope}/deconvolutions"
            self._layers += [
                Convolution(variables, f"{name}/conv_{number}", channels, width, SETTINGS),
                TransposedConvolution(variables, f"{name}/transposed_{number}", width, width, SETTINGS, stride=2),
            ]
            channels = width
        self.level = self._coarsest - len(WIDTHS)
        self.channels = {self.level: channels}

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """{level: map [B, h, w, C]} of the backbone -> {level - 3: [B, 8h, 8w, 64]}."""
        x = maps[self._coarsest]
        for layer in self._layers:
            x = layer(x, training)
        return {self.level: x}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        return object_graph.numbered(object_graph.CENTER_NECK, self._layers, 1)


def make(variables: Variables, scope: str, backbone: Backbone) -> Deconvolutions:
    """The neck on a backbone with one map."""
    return Deconvolutions(variables, scope, backbone)

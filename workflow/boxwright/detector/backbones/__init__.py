"""Backbones: networks that make feature maps of an image, one module each, imported by the name in a catalogue's row.

A detector of one stage takes `features` of such a module, one of two stages `proposal_features` (of the image) and
`box_features` (of what is cut out for each proposal). A module offers what its network can be used for:

    features(variables, scope, *, ...) -> Backbone
    proposal_features(variables, scope, *, ...) -> Backbone
    box_features(variables, scope, *, channels_in, ...) -> BoxFeatures

`scope` is where the variables are. What a function takes after the star it gets by name, and what it does not take
decides nothing for it: the fields of the message of the feature extractor (`depth_multiplier`, `conv_hyperparams`, ...,
as plain values, settings of layers as `Hyperparams`), `channels_in` of the image, `keras` (whether the network is
TF2's), `freeze_batchnorm`, and the `arguments` of the row. So each module says for itself how its layers are set: as
they were published, or as the configuration has it.
"""

from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf


class Backbone(Protocol):
    """From images to feature maps by level; a cell of level n covers 2^n pixels to a side.

    channels, strides: of each map that is given, by level, finest first; the stride is in pixels.
    end_points: what the layer is called whose output the map is, as the names of variables have it.
    """

    channels: Mapping[int, int]
    strides: Mapping[int, int]
    end_points: Mapping[int, str]

    def __call__(self, images: tf.Tensor, training: bool = False) -> dict[int, tf.Tensor]:
        """Preprocessed images [B, H, W, channels_in] -> {level: map [B, h, w, C]}, finest first."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """The key of each variable in a TF2 checkpoint, by its name here; {} for a network of TF1."""
        ...


class BoxFeatures(Protocol):
    """From what was cut out of a feature map for each proposal to the features of the proposal.

    channels: of the result.
    """

    channels: int

    def __call__(self, regions: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[N, h, w, channels_in] -> [N, h', w', channels]."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """As that of a `Backbone`."""
        ...

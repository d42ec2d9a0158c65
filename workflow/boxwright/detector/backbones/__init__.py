"""Backbones: networks that turn an image into feature maps, one module each.

A row of the catalogue names the module to import. A one-stage detector calls its `features`; a two-stage detector calls
its `proposal_features` (for the image) and `box_features` (for the region cut out for each proposal); a CenterNet calls
its `center_features`. A module defines the functions that its network supports:

    features(variables, scope, *, ...) -> Backbone
    proposal_features(variables, scope, *, ...) -> Backbone
    box_features(variables, scope, *, channels_in, ...) -> BoxFeatures
    center_features(variables, scope, *, ...) -> Backbone

`scope` is the prefix of the variables' names. The arguments after the star are passed by name, and only those that the
function takes: the fields of the feature extractor's message (`depth_multiplier`, `conv_hyperparams`, ..., as plain
values, layer settings as `Hyperparams`), `channels_in` of the image, `keras` (whether the network is TF2's),
`freeze_batchnorm`, and the `arguments` of the row. So each module decides whether its layers are set as published or as
configured.
"""

from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf


class Backbone(Protocol):
    """From images to feature maps by level; a cell of level n covers 2^n pixels to a side.

    channels, strides: of each returned map, by level, finest first; the stride is in pixels.
    end_points: the name of the layer that outputs each map, as in the variables' names.
    """

    channels: Mapping[int, int]
    strides: Mapping[int, int]
    end_points: Mapping[int, str]

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """Preprocessed images [B, H, W, channels_in] -> {level: map [B, h, w, C]}, finest first.

        seed: int32 [2], in training; draws what a backbone drops by chance. Most drop nothing.
        """
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """The key of each variable in a TF2 checkpoint, by its name here; {} for a network of TF1."""
        ...


class BoxFeatures(Protocol):
    """From the region cut out of a feature map for each proposal to the features of the proposal.

    channels: of the result.
    """

    channels: int

    def __call__(self, regions: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[N, h, w, channels_in] -> [N, h', w', channels]."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """As for a `Backbone`."""
        ...

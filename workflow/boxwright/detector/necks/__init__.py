"""Necks: from the feature maps of a backbone to those that the heads use, one module each.

A row of the catalogue names the module to import. It has one function:

    make(variables, scope, backbone, *, ...) -> Neck

`scope` is the prefix of the names of the backbone's variables. The arguments after the star are passed by name, as with
backbones: the fields of the feature extractor's message, `keras`, and of the row `extra_maps_key`, `extra_depths` and
`extra_kernels`.
"""

from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf


class Neck(Protocol):
    """From the maps of a backbone to those of the heads, both by level.

    channels: of each returned map, by level, finest first.
    """

    channels: Mapping[int, int]

    def __call__(self, maps: Mapping[int, tf.Tensor], training: bool = False) -> dict[int, tf.Tensor]:
        """{level: map [B, h, w, C]} of the backbone -> the maps that boxes are predicted from, finest first."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """The key of each variable in a TF2 checkpoint, by its name here; {} for a network of TF1."""
        ...

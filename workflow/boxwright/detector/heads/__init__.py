"""Heads: they predict from feature maps, or from the features of proposals, one module each.

A row of the catalogue names the module to import. It has one function, `make`, which takes the registry of variables
and a description of its inputs, then by name the fields of its message, as plain values, layer settings as
`Hyperparams`. A field that `make` does not take has no effect. These are the kinds of heads:

    make(variables, channels, anchors_per_location, num_classes, background, *, keras, ...) -> BoxHead
    make(variables, scope, channels_in, anchors_per_location, *, keras, ...) -> ProposalHead
    make(variables, scope, channels_in, num_classes, *, keras, ...) -> ProposalClassifier or PositionSensitiveClassifier
"""

from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf

from boxwright.checkpoints.class_rows import ClassColumns


class BoxHead(Protocol):
    """Predicts a box code and one logit per class for each anchor on several feature maps (SSD)."""

    def __call__(
        self, maps: Mapping[int, tf.Tensor], training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """{level: map [B, h, w, C]}, finest first -> codes [B, A, 4] and logits [B, A, K], in the anchors' order.

        K counts the background, if the model has one, then the classes. `seed`, int32 [2], draws dropout.
        """
        ...

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables whose last axis has columns for each class."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """The key of each variable in a TF2 checkpoint, by its name here; {} for a head of TF1."""
        ...


class ProposalHead(Protocol):
    """Predicts for each anchor whether it is an object, and its box (a region proposal network)."""

    def __call__(self, features: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """[B, h, w, C] -> box encodings [B, A, 4] and objectness logits [B, A, 2], in the anchors' order."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """As that of a `BoxHead`."""
        ...


class ProposalClassifier(Protocol):
    """Predicts the class and the box of each proposal from the features that were cut out for it."""

    def __call__(
        self, regions: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """[N, h, w, C] -> box encodings [N, classes or 1, 4] and logits [N, 1 + classes], background first."""
        ...

    def class_columns(self) -> dict[str, ClassColumns]:
        """As for a `BoxHead`."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """As that of a `BoxHead`."""
        ...


class PositionSensitiveClassifier(Protocol):
    """Predicts the class and the box of each proposal from the features of the whole image (R-FCN)."""

    def __call__(self, features: tf.Tensor, boxes: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """[B, h, w, C] and boxes [B, P, 4], normalised to it -> what a `ProposalClassifier` gives for N = B * P."""
        ...

    def class_columns(self) -> dict[str, ClassColumns]:
        """As for a `BoxHead`."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """As that of a `BoxHead`."""
        ...

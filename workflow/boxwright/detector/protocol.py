"""The interface of a detector: everything that training, evaluation and export use of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector.groundtruth import Groundtruth


class Detector(Protocol):
    """A detector of any family; the families document what the tensors hold.

    num_classes: without the background.
    backbone_scopes: name prefixes of the variables that a checkpoint of the feature extractor can restore.
    classifier_names: name prefixes for which a classifier's checkpoint of TF1 has another one, with that one.
    """

    num_classes: int
    backbone_scopes: Sequence[str]
    classifier_names: Mapping[str, str]

    @property
    def variables(self) -> Mapping[str, tf.Variable]:
        """Every variable by its checkpoint name, in the order of creation."""
        ...

    @property
    def trainable(self) -> Sequence[str]:
        """The names of the variables that gradients reach."""
        ...

    @property
    def padding_value(self) -> np.ndarray | float:
        """The value that pads smaller images of a batch, below and to the right: one number, or float32 [channels]."""
        ...

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of every preprocessed image, with padding; None if they depend on the image."""
        ...

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables whose last axis has columns for each class, and the layout of these columns."""
        ...

    def object_graph_keys(self) -> dict[str, str]:
        """The key of every variable in a TF2 checkpoint, by its name; {} for a model of TF1."""
        ...

    def preprocess(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One image, uint8 or float32 [H, W, 3] of 0..255 -> float32 [h, w, C] and its shape unpadded, int32 [3]."""
        ...

    def preprocess_batch(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images of one size [B, H, W, 3], each preprocessed: float32 [B, h, w, C] and int32 [B, 3]."""
        ...

    def predict(
        self, images: tf.Tensor, true_shapes: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """The network's predictions for preprocessed images [B, h, w, C] of true shapes [B, 3]; seed: int32 [2]."""
        ...

    def losses(
        self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """The weighted terms of the loss, float32 scalars by tag; seed, int32 [2], draws samples."""
        ...

    def regularization_loss(self) -> tf.Tensor:
        """The sum of all penalties on variables, float32 scalar."""
        ...

    def postprocess(self, predictions: dict[str, tf.Tensor], true_shapes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Detections from predictions, by the OD API's names, best first, classes from 0, boxes normalised."""
        ...

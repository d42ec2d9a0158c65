"""What a detector is to training, evaluation and export: all that they need of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector.groundtruth import Groundtruth


class Detector(Protocol):
    """A detector of any family; the families say what the tensors hold.

    num_classes: without the background.
    backbone_scopes: the prefixes of the names of variables that a checkpoint of the feature extractor can fill.
    """

    num_classes: int
    backbone_scopes: Sequence[str]

    @property
    def variables(self) -> Mapping[str, tf.Variable]:
        """Every variable by its checkpoint name, in the order in which they were made."""
        ...

    @property
    def trainable(self) -> Sequence[str]:
        """The names of the variables that gradients reach."""
        ...

    @property
    def padding_value(self) -> np.ndarray | float:
        """What fills smaller images of a batch, below and to the right: one number, or float32 [channels]."""
        ...

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of every preprocessed image, with padding; None where they depend on the image."""
        ...

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables whose last axis holds something for each class, and how it lies there."""
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
        """What the network says about preprocessed images [B, h, w, C] of true shapes [B, 3]; seed: int32 [2]."""
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
        """From predictions to detections by the OD API's names, best first, classes from 0, boxes normalised."""
        ...

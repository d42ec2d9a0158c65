"""What the detectors of all families share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from boxwright.detector.layers import Variables
from boxwright.detector.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class BuiltDetector:
    """The part of a detector that does not depend on its family (see `protocol.Detector`).

    registry: holds the variables of all its parts.
    backbone_scopes: name prefixes of the variables that a checkpoint of the feature extractor can restore.
    classifier_names: name prefixes for which a classifier's checkpoint of TF1 has another one, with that one.
    """

    registry: Variables
    backbone_scopes: Sequence[str]
    preprocessing: Preprocessing
    classifier_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """Every variable by its checkpoint name, in the order of creation."""
        return self.registry.by_name

    @property
    def trainable(self) -> list[str]:
        """The names of the variables that gradients reach."""
        return self.registry.trainable

    @property
    def padding_value(self) -> np.ndarray | float:
        """What fills smaller images of a batch: one number, or float32 [channels]."""
        return self.preprocessing.padding_value

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of every preprocessed image; None where they depend on the image."""
        return self.preprocessing.static_size

    def preprocess(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One image, uint8 or float32 [H, W, 3] of 0..255 -> float32 [h, w, C] and its shape unpadded, int32 [3]."""
        return self.preprocessing(image)

    def preprocess_batch(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images of one size [B, H, W, 3], each preprocessed: float32 [B, h, w, C] and int32 [B, 3]."""
        return self.preprocessing.batch(images)

    def regularization_loss(self) -> tf.Tensor:
        """The sum of the penalties on the variables, float32 scalar."""
        return self.registry.regularization_loss()

    def _keys(self, *parts: Any) -> dict[str, str]:
        """The keys of the parts' variables in TF2 checkpoints, by name; a part that the detector lacks is None."""
        return {name: key for part in parts if part is not None for name, key in part.object_graph_keys().items()}

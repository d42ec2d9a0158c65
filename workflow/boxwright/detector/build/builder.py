"""From a `DetectionModel` message to a detector."""

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from boxwright.catalog import check
from boxwright.detector.families.ssd import Ssd
from boxwright.detector.groundtruth import Groundtruth


class Detector(Protocol):
    """What every detector offers; Ssd and FasterRcnn say what the tensors hold.

    variables: every variable by checkpoint name. trainable: the names that gradients reach.
    backbone_scopes: the name prefixes of the feature extractor's variables.
    """

    variables: dict[str, tf.Variable]
    trainable: list[str]
    num_classes: int
    backbone_scopes: Sequence[str]

    def preprocess(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]: ...

    def predict(
        self, images: tf.Tensor, true_shapes: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]: ...

    def losses(
        self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]: ...

    def regularization_loss(self) -> tf.Tensor: ...

    def postprocess(self, predictions: dict[str, tf.Tensor], true_shapes: tf.Tensor) -> dict[str, tf.Tensor]: ...


def build(model, seed: int = 0, compute: tf.DType = tf.float32) -> Detector:
    """The detector of a `DetectionModel` message; `seed` decides the first values of its variables.

    `compute` is the type in which its layers compute; its variables and what it predicts are float32.

    Raises RefusedError, which is a UserError, for all that the engine cannot do.
    """
    check.require(model, "model")
    if model.HasField("ssd"):
        return Ssd(model.ssd, seed, compute)
    from boxwright.detector.families.faster_rcnn import FasterRcnn

    return FasterRcnn(model.faster_rcnn, seed, compute)

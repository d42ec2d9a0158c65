"""From messages to parts: the one place below which no message goes.

The row of the catalogue names the modules that a detector is built from; they are imported by these names, so that
nothing leads to those that are not in use. Importing this does not start TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.catalog.extractors import EXTRACTORS, Extractor
from boxwright.pipeline import parts

if TYPE_CHECKING:
    import tensorflow as tf

    from boxwright.detector.preprocessing import Preprocessing
    from boxwright.detector.protocol import Detector


def build(model: Message, seed: int = 0, compute: "tf.DType | str" = "float32") -> "Detector":
    """The detector of a `DetectionModel` message; `seed` decides the first values of its variables.

    `compute` is the type in which its layers compute; its variables and what it predicts are float32.

    Raises UserError for all that the engine cannot do, at once, by the fields' dotted paths.
    """
    import tensorflow as tf

    from boxwright.detector.layers import Variables

    check.require(model, "model")
    message, row = _chosen(model)
    family = importlib.import_module(f"{__name__}.{row.family}")
    return family.build(message, row, Variables(seed, tf.as_dtype(compute)), _preprocessing(message, row))


def preprocessing(model: Message) -> "Preprocessing":
    """What the detector of a `DetectionModel` message makes of an image for the network, without building the network.

    Raises UserError as `build` does.
    """
    check.require(model, "model")
    return _preprocessing(*_chosen(model))


def _chosen(model: Message) -> tuple[Message, Extractor]:
    """The message of the family that a model is of, and the row of its feature extractor."""
    message = getattr(model, model.WhichOneof("model"))
    return message, EXTRACTORS[message.feature_extractor.type]


def _preprocessing(message: Message, row: Extractor) -> "Preprocessing":
    from boxwright.detector.preprocessing import Preprocessing

    module = importlib.import_module(row.normalization_module)
    return Preprocessing(parts.make(message.image_resizer), module.normalize, row.black_padding)

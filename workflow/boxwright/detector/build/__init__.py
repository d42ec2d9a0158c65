"""Build a detector from messages. The parts it builds take plain values, never messages.

A row of the catalogue names the modules that a detector is built from. They are imported by name, so that modules that
are not in use are never imported. Importing this package does not start TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.catalog.extractors import EXTRACTORS, Extractor
from boxwright.pipeline import parts

if TYPE_CHECKING:
    from boxwright.detector.precision import Precision
    from boxwright.detector.preprocessing import Preprocessing
    from boxwright.detector.protocol import Detector


def build(model: Message, seed: int = 0, precision: "Precision | None" = None) -> "Detector":
    """The detector of a `DetectionModel` message; `seed` decides the initial values of its variables.

    `precision`: the types in which its layers compute, by default float32. Its variables and predictions are float32.

    Raises UserError that lists everything the engine does not support, by the fields' dotted paths.
    """
    from boxwright.detector.layers import Variables
    from boxwright.detector.precision import FLOAT32

    check.require(model, "model")
    message, row = _chosen(model)
    family = importlib.import_module(f"{__name__}.{row.family}")
    return family.build(message, row, Variables(seed, precision or FLOAT32), _preprocessing(message, row))


def preprocessing(model: Message) -> "Preprocessing":
    """The preprocessing of the detector of a `DetectionModel` message, without building its network.

    Raises UserError as `build` does.
    """
    check.require(model, "model")
    return _preprocessing(*_chosen(model))


def _chosen(model: Message) -> tuple[Message, Extractor]:
    """The message of the model's family, and the row of its feature extractor."""
    message = getattr(model, model.WhichOneof("model"))
    return message, EXTRACTORS[message.feature_extractor.type]


def _preprocessing(message: Message, row: Extractor) -> "Preprocessing":
    from boxwright.detector.normalization import configured
    from boxwright.detector.preprocessing import Preprocessing

    module = importlib.import_module(row.normalization_module)
    normalize = parts.fill(configured.make, message.feature_extractor, normalize=module.normalize)
    return Preprocessing(parts.make(message.image_resizer), normalize, row.black_padding)

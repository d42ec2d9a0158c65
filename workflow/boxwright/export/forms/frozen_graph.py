"""The detector as a frozen graph: one GraphDef with the OD API's tensor names, without variables."""

from pathlib import Path

import tensorflow as tf

from boxwright.catalog.forms import PIPELINE
from boxwright.core.signature import INPUT
from boxwright.detector import inference
from boxwright.export import graph
from boxwright.pipeline import text


def write(source: str | Path, target: str | Path) -> None:
    """Write the checkpoint with the prefix `source` as a frozen graph.

    Its input is `image_tensor:0` (uint8 [batch, height, width, 3], any sizes), its outputs are the tensors of
    `core.signature.OUTPUTS`, `detection_boxes:0` and so on: boxes normalised, classes from 1. Equal checkpoints give
    equal bytes.
    """
    config = text.read(Path(source).with_name(PIPELINE))
    detector = inference.load(config, source)
    frozen = graph.frozen(
        lambda images: inference.on_images(detector, images),
        INPUT,
        tf.TensorSpec([None, None, None, 3], tf.uint8),
    )
    Path(target).write_bytes(frozen.SerializeToString(deterministic=True))

"""The detector as a frozen graph that ends before suppression: what converters to other runtimes read.

It has neither the operations nor the branch of the suppression, and it resizes floats, which other runtimes do as
TensorFlow does (they know no resizing of bytes); its values are the engine's to the bit.
"""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from boxwright.catalog.forms import PIPELINE
from boxwright.core.signature import INPUT, RAW_OUTPUTS
from boxwright.detector import inference
from boxwright.detector.protocol import Detector
from boxwright.export import graph, loops
from boxwright.pipeline import text


def write(source: str | Path, target: str | Path) -> None:
    """Write the checkpoint with the prefix `source` as a frozen graph without suppression.

    Its input is `image_tensor:0` (uint8 [batch, height, width, 3]). Its outputs are `raw_detection_boxes:0`, float32
    [batch, A, 4] (normalised to the image with its padding; of two stages to the image without, clipped), and
    `raw_detection_scores:0`, float32 [batch, A, classes], with a first column for the background if the model has one.
    The batch is 1 where images cannot be resized together (they keep their aspect ratio). Equal checkpoints give equal
    bytes.
    """
    detector = inference.load(text.read(Path(source).with_name(PIPELINE)), source)
    Path(target).write_bytes(frozen(detector).SerializeToString(deterministic=True))


def frozen(detector: Detector) -> GraphDef:
    """The graph of a detector, without loops."""
    found = _frozen(detector, None if detector.static_size else 1)
    return loops.once(_frozen(detector, 1), list(RAW_OUTPUTS)) if loops.are_in(found) else found


def _frozen(detector: Detector, batch: int | None) -> GraphDef:
    def raw(images: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.cast(images, tf.float32)
        if batch == 1:
            pixels, shapes = (one[tf.newaxis] for one in detector.preprocess(pixels[0]))
        else:
            pixels, shapes = detector.preprocess_batch(pixels)
        found = inference.detections(detector, pixels, shapes)
        return {name: found[name] for name in RAW_OUTPUTS}

    return graph.frozen(raw, INPUT, tf.TensorSpec([batch, None, None, 3], tf.uint8))

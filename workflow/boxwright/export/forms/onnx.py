"""The detector as an ONNX model of standard operations, for ONNX Runtime, TensorRT, OpenVINO and others."""

from pathlib import Path

import onnx
import tensorflow as tf

from boxwright.catalog.forms import PIPELINE
from boxwright.core.signature import INPUT, OUTPUTS
from boxwright.detector import inference
from boxwright.detector.protocol import Detector
from boxwright.export import batches, graph, onnx_graph, standard_suppression
from boxwright.pipeline import text


def write(source: str | Path, target: str | Path) -> None:
    """Write the checkpoint with the prefix `source` as an ONNX model.

    Its input is `image_tensor` (uint8 [batch, height, width, 3], any sizes), its outputs are those of the frozen graph:
    `detection_boxes` and so on, boxes normalised, classes from 1, and the raw boxes and scores. Equal checkpoints give
    equal bytes.
    """
    detector = inference.load(text.read(Path(source).with_name(PIPELINE)), source)
    Path(target).write_bytes(converted(detector).SerializeToString(deterministic=True))


def converted(detector: Detector) -> onnx.ModelProto:
    """The ONNX model of a detector."""

    def detections(images: tf.Tensor) -> dict[str, tf.Tensor]:
        # Of floats, since other runtimes do not resize bytes; TensorFlow gives the same values to the bit.
        pixels, shapes = batches.preprocess(detector, tf.cast(images, tf.float32))
        return inference.detections(detector, pixels, shapes)

    with standard_suppression.in_use():
        flat = graph.frozen(detections, INPUT, tf.TensorSpec([None, None, None, 3], tf.uint8))
    names = {node.name for node in flat.node}
    return onnx_graph.converted(flat, "detector", [INPUT], [name for name in OUTPUTS if name in names])

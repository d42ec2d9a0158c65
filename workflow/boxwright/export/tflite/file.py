"""The file of a TFLite form: a converted network with suppression, signature, metadata and labels."""

import json
from pathlib import Path

import tensorflow as tf

from boxwright.catalog.forms import LABELS
from boxwright.export.tflite import metadata, suppression
from boxwright.export.tflite.model import Model
from boxwright.export.tflite.network import Convertible
from boxwright.runtimes import tflite


def write(network: Convertible, converted: bytes, source: str | Path, target: str | Path) -> None:
    """Write the `converted` network of the checkpoint with the prefix `source`, whose labels lie beside it."""
    detector, _, given = network
    shape = tf.constant([[given.height, given.width, 3]])
    anchors = detector.predict(tf.zeros([1, given.height, given.width, 3]), shape)["anchors"].numpy()
    model = Model(converted)
    suppression.add(model, detector, anchors, given)
    model.describe(tflite.INPUT, json.dumps(given._asdict()).encode())
    labels = Path(source).with_name(LABELS).read_text(encoding="utf-8")
    described = metadata.content(given, title=Path(target).stem, labels=LABELS)
    model.describe(metadata.NAME, described)
    Path(target).write_bytes(metadata.with_labels(model.to_bytes(), LABELS, labels))

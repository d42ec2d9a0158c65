"""A checkpoint's detections on a sequence of records, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import Message

from boxwright.core.errors import UserError
from boxwright.detector import inference
from boxwright.evaluation.data import Answer
from boxwright.images import loader
from boxwright.records.example import Record

# Images of the same shape go through the network together, up to these numbers of images and pixels: larger batches
# are not faster on a CPU and cost memory.
_MOST_IMAGES = 8
_MOST_PIXELS = 1_500_000
# Images decoded ahead of the network.
_AHEAD = 16
_DECODERS = 2


class Network(NamedTuple):
    """A detector with its weights, ready to run.

    preprocess: from one image, uint8 [H, W, 3], to pixels and their true shape. answer: the detections on a batch of
    those. Both are TensorFlow functions, built for each shape of image that occurs. num_classes: its number of classes.
    """

    preprocess: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    answer: Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
    num_classes: int


def load(config: Message, checkpoint: str | Path) -> Network:
    """The network of a TrainEvalPipelineConfig with the weights that `inference.load` reads from `checkpoint`."""
    detector = inference.load(config, checkpoint)
    preprocess = tf.function(
        detector.preprocess, input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)], autograph=False
    )
    answer = tf.function(
        lambda pixels, shapes: inference.detections(detector, pixels, shapes), reduce_retracing=True, autograph=False
    )
    return Network(preprocess, answer, detector.num_classes)


def detect(network: Network, records: Sequence[Record]) -> Iterator[Answer]:
    """Yield the detector's answer for every record, in order.

    Raises UserError if the size of an image differs from the size in its record.
    """
    batch: list[tuple[tf.Tensor, tf.Tensor]] = []
    for image in _decoded(records):
        pixels, shape = network.preprocess(tf.constant(image))
        full = len(batch) >= min(_MOST_IMAGES, _MOST_PIXELS // (pixels.shape[0] * pixels.shape[1]))
        if batch and (full or pixels.shape != batch[0][0].shape):
            yield from _run(network.answer, batch)
            batch = []
        batch.append((pixels, shape))
    if batch:
        yield from _run(network.answer, batch)


def _decoded(records: Sequence[Record]) -> Iterator[np.ndarray]:
    """The records' images in order, decoded a few ahead."""
    with ThreadPoolExecutor(_DECODERS) as pool:
        positions = iter(range(len(records)))

        def start(position: int) -> Future[np.ndarray]:
            return pool.submit(lambda: _decode(records[position]))

        waiting = deque(start(position) for position in islice(positions, _AHEAD))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(start(position) for position in islice(positions, 1))


def _decode(record: Record) -> np.ndarray:
    """The record's image, uint8 [H, W, 3]."""
    image = loader.load_rgb(record.encoded)
    if image.shape[:2] != (record.height, record.width):
        raise UserError(
            f"The record of {record.source_id} says {record.width} x {record.height} pixels, but its image has "
            f"{image.shape[1]} x {image.shape[0]}. Make the records again."
        )
    return image


def _run(
    answer: Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]], batch: Sequence[tuple[tf.Tensor, tf.Tensor]]
) -> Iterator[Answer]:
    """The answers to the images of a batch, in order."""
    pixels, shapes = (tf.stack(column) for column in zip(*batch, strict=True))
    found = {name: value.numpy() for name, value in answer(pixels, shapes).items()}
    for row in range(len(batch)):
        count = int(found["num_detections"][row])
        yield Answer(
            found["detection_boxes"][row, :count],
            found["detection_scores"][row, :count],
            found["detection_classes"][row, :count].astype(np.int64),
            all(np.isfinite(value[row]).all() for value in found.values()),
        )

"""The network of a detector, from a prepared image to box codes and scores, and its conversion to TFLite.

What stops the converter is the suppression, so the network is converted without it (`suppression` adds what mobile
runtimes have). TensorFlow's converter keeps memory with each call, so a process converts once.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from boxwright.catalog.forms import PIPELINE
from boxwright.detector import inference
from boxwright.detector.families.ssd import Ssd
from boxwright.export import graph
from boxwright.pipeline import text
from boxwright.runtimes.resizing import Input

IMAGE, CODES, SCORES = "image", "box_codes", "class_scores"


class Convertible(NamedTuple):
    """A detector whose network is to be converted.

    trained: how it was trained to take an image. given: how the form will take one: the same, or as pixels of 0..255,
    which the network then normalises by itself.
    """

    detector: Ssd
    trained: Input
    given: Input


def load(source: str | Path, *, pixels: bool = False) -> Convertible:
    """The detector of the checkpoint with the prefix `source`, whose pipeline.config lies beside it.

    pixels: whether the form takes an image as whole pixels, whose scale and zero then stand for the normalisation.
    """
    config = text.read(Path(source).with_name(PIPELINE))
    detector = inference.load(config, source)
    trained = _input(detector, getattr(config.model, config.model.WhichOneof("model")).image_resizer)
    return Convertible(detector, trained, _given(trained, pixels))


def convert(network: Convertible, *, float16: bool = False) -> bytes:
    """The network in TFLite: from an image as it is `given`, float32 [1, h, w, 3], to codes [1, A, 4] and scores
    [1, A, C].

    The scores have no column for the background. float16: weights are stored with half the bits.
    """
    converter = _converter(_frozen(network))
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def quantize(network: Convertible, images: Sequence[np.ndarray]) -> bytes:
    """The network in int8: from the image's pixels, uint8 [1, h, w, 3], to codes and scores in int8.

    network: loaded with `pixels`. images: uint8 [H, W, 3], with which the ranges of all values are measured. The first
    one gets a black and a white pixel, so that the numbers of the input are the pixels themselves.
    """
    converter = _int8_converter(network, images)
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    return converter.convert()


def lossiest(
    network: Convertible, images: Sequence[np.ndarray], shown: Sequence[np.ndarray], most: int = 5
) -> list[tuple[str, float]]:
    """The layers of the network in int8, calibrated with `images`, that lose most on those `shown`, and how much.

    A layer's loss is the root of the mean square of what int8 adds to its result in float32, in steps of its int8
    numbers. Rounding alone adds 0.29.
    """
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=_int8_converter(network, images), debug_dataset=lambda: samples(network, shown)
    )
    debugger.run()
    table = io.StringIO()
    debugger.layer_statistics_dump(table)
    rows = csv.DictReader(io.StringIO(table.getvalue()))
    losses = [(one["tensor_name"], float(one["mean_squared_error"]) ** 0.5 / float(one["scale"])) for one in rows]
    return sorted(losses, key=lambda pair: -pair[1])[:most]


def _int8_converter(network: Convertible, images: Sequence[np.ndarray]) -> tf.lite.TFLiteConverter:
    converter = _converter(_frozen(network))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: samples(network, images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter


def samples(network: Convertible, images: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The inputs of the calibration, as the converter wants them: whole pixels, as the network is `given` them."""
    mean, std = np.float32(network.given.mean), np.float32(network.given.std)
    for position, image in enumerate(images):
        pixels = network.given.pixels(image).astype(np.float32)
        if position == 0:
            pixels[0, 0], pixels[-1, -1] = 0.0, 255.0
        yield [((pixels - mean) / std)[np.newaxis]]


def _frozen(network: Convertible) -> GraphDef:
    """The network as a graph; its input is an image as it is `given`."""
    detector, trained, given = network
    shape = tf.constant([[given.height, given.width, 3]])

    def traced(image: tf.Tensor) -> dict[str, tf.Tensor]:
        if given != trained:
            image = (image - np.float32(trained.mean)) * (1 / np.float32(trained.std))
        found = detector.predict(image, shape)
        scores = detector.convert_scores(found["class_predictions_with_background"])
        return {CODES: found["box_encodings"], SCORES: scores[..., detector.class_slots - detector.num_classes :]}

    return _in_pairs(graph.frozen(traced, IMAGE, tf.TensorSpec([1, given.height, given.width, 3], tf.float32)))


def _in_pairs(frozen: GraphDef) -> GraphDef:
    """The graph whose sums of several tensors are sums of two: TFLite adds several in float alone."""
    result = GraphDef(versions=frozen.versions)
    for node in frozen.node:
        if node.op != "AddN":
            result.node.append(node)
            continue
        total = node.input[0]
        for number, one in enumerate(node.input[1:], start=1):
            last = number == len(node.input) - 1
            pair = result.node.add(name=node.name if last else f"{node.name}/{number}", op="AddV2", input=[total, one])
            pair.attr["T"].CopyFrom(node.attr["T"])
            total = pair.name
    return result


def _converter(frozen: GraphDef) -> tf.lite.TFLiteConverter:
    function = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(frozen, name=""), [])
    tensors = [function.graph.get_tensor_by_name(f"{name}:0") for name in (IMAGE, CODES, SCORES)]
    return tf.lite.TFLiteConverter.from_concrete_functions([function.prune(tensors[0], tensors[1:])], None)


def _given(trained: Input, pixels: bool) -> Input:
    """How a form takes an image: normalised, unless the network has to do that by itself, which takes longer.

    It has to where channels are normalised differently: MediaPipe's tasks refuse that, and one scale and one whole
    number for zero, which lies within the range of pixels, stand for all channels. Of a zero of 127.5 half a step is
    lost, as by rounding after a subtraction.
    """
    alike = len({*zip(trained.mean, trained.std, strict=True)}) == 1
    return trained if alike and (not pixels or 0 <= trained.mean[0] <= 255) else _of_pixels(trained)


def _of_pixels(trained: Input) -> Input:
    """How a network that normalises by itself takes an image: as its pixels of 0..255."""
    return trained._replace(mean=(0.0,) * 3, std=(1.0,) * 3, padding=tuple(trained.padding_pixel.tolist()))


def _input(detector: Ssd, resizer) -> Input:
    """How the detector was trained to take an image, from what it makes of images of one colour."""
    height, width = detector.static_size
    black, white = (
        detector.preprocess(tf.fill([height, width, 3], tf.constant(value, tf.uint8)))[0][0, 0].numpy()
        for value in (0, 255)
    )
    std = 255 / (white - black)
    said = {"mean": tuple((-black * std).tolist()), "std": tuple(std.tolist()), "padding": (0.0, 0.0, 0.0)}
    if resizer.WhichOneof("image_resizer_oneof") == "keep_aspect_ratio_resizer":
        keep = resizer.keep_aspect_ratio_resizer
        padded = detector.preprocess(tf.zeros([max(height // 2, 1), width, 3], tf.uint8))[0][-1, -1].numpy()
        said |= {"min_dimension": keep.min_dimension, "max_dimension": keep.max_dimension}
        said["padding"] = tuple(padded.tolist())
    return Input(height, width, **said)

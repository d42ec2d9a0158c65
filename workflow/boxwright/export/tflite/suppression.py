"""The suppression behind a converted network, with the operation that mobile runtimes have for it.

TFLite_Detection_PostProcess decodes boxes and suppresses them greedily. Two things keep it from doing so class by
class: over all anchors and many classes it takes several times as long as the network, and with two or more threads
LiteRT leaves out one class entirely, the one with the number of threads (from 0). So it gets the best pairs of anchor
and class as if they had one class, after the boxes of each class were moved to a place of their own, where they overlap
no others. Which boxes above a score survive depends only on those above it, so the result is that of suppression by
class. Afterwards each box is moved back, and its place says its class. Boxes outside the image, which the operation
keeps, are left out as by the engine, so it gives more than are wanted.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from boxwright.detector.families.ssd import Ssd
from boxwright.export.tflite.model import Model
from boxwright.export.tflite.network import CODES, SCORES

OPERATION = "TFLite_Detection_PostProcess"
# The outputs in the operation's order, on which interpreters count, by their names in the signature.
OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")

# Pairs of anchor and class that are suppressed, as many as on the engine's quick way.
_PAIRS = 1024
# How many times as many boxes as are wanted the operation gives.
_SPARE = 2
# The operation takes no threshold of 0.
_LEAST_IOU = 1e-6
# The distance of two places, in sides of the image. Boxes are not clipped, so they may reach beyond the image.
_PLACE = 8.0
# The upper left corner of a box at the first place lies above this.
_REACH = 3.5

_FLOAT, _INT = schema.TensorType.FLOAT32, schema.TensorType.INT32
_CODE = schema.BuiltinOperator


def add(model: Model, detector: Ssd, anchors: np.ndarray) -> None:
    """Put the detector's suppression behind its network, whose outputs are codes and scores (`network.convert`).

    anchors: float32 [A, 4], ymin, xmin, ymax, xmax.
    """
    settings, classes = detector.suppression, detector.num_classes
    codes, scores = model.named(CODES), model.named(SCORES)
    sizes = anchors[:, 2:] - anchors[:, :2]
    centers = np.concatenate([anchors[:, :2] + sizes / 2, sizes], axis=1).astype(np.float32)
    steps = _Steps(model)
    if classes == 1:
        inputs = [steps.as_float(codes), steps.as_float(scores), steps.constant(centers)]
        options = _options(detector)
        boxes, numbers, best, _ = _post_process(steps, inputs, options)
        _finish(steps, boxes, numbers, best, settings.max_total_detections)
        return

    count = min(max(_PAIRS, 4 * settings.max_total_detections), len(centers) * classes)
    side = math.ceil(math.sqrt(classes))
    places = np.array([[number // side, number % side, 0, 0] for number in range(classes)], np.float32) * _PLACE

    flat = steps.reshape(scores, [1, len(centers) * classes])
    best, pairs = steps.top(flat, count)
    pairs = steps.reshape(pairs, [count])
    anchor = steps.whole(_CODE.FLOOR_DIV, pairs, classes, schema.FloorDivOptionsT())
    number = steps.whole(_CODE.FLOOR_MOD, pairs, classes, schema.FloorModOptionsT())
    placed = steps.both(
        _CODE.ADD,
        steps.gather(steps.constant(centers), anchor, [count, 4], axis=0),
        steps.gather(steps.constant(places), number, [count, 4], axis=0),
        schema.AddOptionsT(),
    )
    boxes, _, best, _ = _post_process(
        steps,
        [
            steps.as_float(steps.gather(codes, anchor, [1, count, 4], axis=1)),
            steps.as_float(steps.reshape(best, [1, count, 1])),
            placed,
        ],
        _options(detector),
    )
    boxes, numbers = _moved_back(steps, boxes, side)
    _finish(steps, boxes, numbers, best, settings.max_total_detections)


def _options(detector: Ssd) -> Mapping[str, int | float | bool]:
    """The operation's settings, by its names, to suppress boxes of one class."""
    settings, coder = detector.suppression, detector.box_coder
    most = _SPARE * settings.max_total_detections
    own = settings.max_total_detections if settings.use_class_agnostic_nms else settings.max_detections_per_class
    return {
        "max_detections": most,
        "max_classes_per_detection": 1,
        # Of several classes the limit of each is that of all: more of one class than of all are never shown.
        "detections_per_class": own if detector.num_classes == 1 else most,
        "use_regular_nms": True,
        "nms_score_threshold": float(settings.score_threshold),
        "nms_iou_threshold": max(float(settings.iou_threshold), _LEAST_IOU),
        "num_classes": 1,
        "y_scale": float(coder.y_scale),
        "x_scale": float(coder.x_scale),
        "h_scale": float(coder.height_scale),
        "w_scale": float(coder.width_scale),
    }


def _post_process(steps: "_Steps", inputs: Sequence[int], options: Mapping[str, Any]) -> list[int]:
    """The operation; its outputs are boxes [1, M, 4], classes [1, M], scores [1, M] and their number [1]."""
    most = options["max_detections"]
    shapes = {"boxes": [1, most, 4], "classes": [1, most], "scores": [1, most], "number": [1]}
    outputs = [steps.model.tensor(f"suppression/{name}", shape, _FLOAT) for name, shape in shapes.items()]
    steps.model.operator(_CODE.CUSTOM, inputs, outputs, custom=(OPERATION, flexbuffers.Dumps(options)))
    return outputs


def _finish(steps: "_Steps", boxes: int, classes: int, scores: int, most: int) -> None:
    """The best of the boxes [1, M, 4] that lie in the image, with their classes and scores [1, M], are the outputs."""
    zero, one = (steps.constant(np.float32([value])) for value in (0, 1))
    clipped = steps.both(_CODE.MAXIMUM, boxes, zero, schema.MaximumMinimumOptionsT())
    clipped = steps.both(_CODE.MINIMUM, clipped, one, schema.MaximumMinimumOptionsT())
    count = steps.shape(boxes)[1]
    low, high = (steps.slice(clipped, [1, count, 2], begin) for begin in (0, 2))
    sides = steps.both(_CODE.SUB, high, low, schema.SubOptionsT())
    inside = steps.positive(steps.reduce(_CODE.REDUCE_MIN, sides, axis=2))
    real = steps.both(_CODE.MUL, scores, inside, schema.MulOptionsT())
    best, rows = steps.top(real, most)
    rows = steps.reshape(rows, [most])
    found = (
        steps.gather(clipped, rows, [1, most, 4], axis=1),
        steps.gather(classes, rows, [1, most], axis=1),
        best,
        steps.reduce(_CODE.SUM, steps.positive(best), axis=1),
    )
    for index, ending in zip(found, ("", ":1", ":2", ":3"), strict=True):
        steps.model.graph.tensors[index].name = (OPERATION + ending).encode()
    steps.model.finish(dict(zip(OUTPUTS, found, strict=True)))


def _moved_back(steps: "_Steps", boxes: int, side: int) -> tuple[int, int]:
    """The boxes [1, N, 4] in the image, and their classes [1, N]. Rows of zeros stay zeros."""
    most = steps.shape(boxes)[1]
    corner = steps.slice(boxes, [1, most, 2], 0)
    corner = steps.both(_CODE.ADD, corner, steps.constant(np.float32([_REACH])), schema.AddOptionsT())
    corner = steps.both(_CODE.MUL, corner, steps.constant(np.float32([1 / _PLACE])), schema.MulOptionsT())
    place = steps.one(_CODE.FLOOR, corner)
    numbers = steps.both(_CODE.MUL, place, steps.constant(np.float32([side, 1])), schema.MulOptionsT())
    classes = steps.reduce(_CODE.SUM, numbers, axis=2)
    away = steps.both(_CODE.MUL, place, steps.constant(np.float32([_PLACE])), schema.MulOptionsT())
    return steps.both(_CODE.SUB, boxes, steps.twice(away), schema.SubOptionsT()), classes


class _Steps:
    """Operators behind a model's last one; each method adds one and returns the number of its result."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def shape(self, index: int) -> list[int]:
        return list(self.model.graph.tensors[index].shape)

    def constant(self, value: np.ndarray) -> int:
        return self.model.constant(f"suppression/constant_{len(self.model.graph.tensors)}", value)

    def _result(self, shape: Sequence[int], like: int | None = None, type_: int = _FLOAT) -> int:
        name = f"suppression/step_{len(self.model.graph.operators)}"
        return self.model.tensor(name, shape, type_ if like is None else self.model.graph.tensors[like])

    def _add(self, code: int, inputs: list[int], result: int, options: Any = None, version: int = 1) -> int:
        self.model.operator(code, inputs, [result], options, version=version)
        return result

    def one(self, code: int, index: int) -> int:
        return self._add(code, [index], self._result(self.shape(index), index))

    def both(self, code: int, first: int, second: int, options: Any) -> int:
        return self._add(code, [first, second], self._result(self.shape(first), first), options)

    def whole(self, code: int, index: int, number: int, options: Any) -> int:
        """An operation on whole numbers, with one of them."""
        return self.both(code, index, self.constant(np.array([number], np.int32)), options)

    def reshape(self, index: int, shape: list[int]) -> int:
        to = self.constant(np.array(shape, np.int32))
        return self._add(_CODE.RESHAPE, [index, to], self._result(shape, index), schema.ReshapeOptionsT(newShape=shape))

    def gather(self, index: int, rows: int, shape: list[int], axis: int) -> int:
        options = schema.GatherOptionsT(axis=axis)
        return self._add(_CODE.GATHER, [index, rows], self._result(shape, index), options, version=2)

    def top(self, index: int, count: int) -> tuple[int, int]:
        """The largest of [1, n], and their places, [1, count]."""
        values, places = self._result([1, count], index), self._result([1, count], type_=_INT)
        wanted = self.constant(np.array(count, np.int32))
        self.model.operator(_CODE.TOPK_V2, [index, wanted], [values, places], schema.TopKV2OptionsT(), version=2)
        return values, places

    def slice(self, index: int, shape: list[int], begin: int) -> int:
        """The part of a tensor of this shape that begins at this place of its last axis."""
        start = [0] * (len(shape) - 1) + [begin]
        begin, size = (self.constant(np.array(one, np.int32)) for one in (start, shape))
        return self._add(_CODE.SLICE, [index, begin, size], self._result(shape, index), schema.SliceOptionsT())

    def twice(self, index: int) -> int:
        """A tensor [1, N, 2] beside itself."""
        first, second, last = self.shape(index)
        options = schema.ConcatenationOptionsT(axis=2)
        return self._add(_CODE.CONCATENATION, [index, index], self._result([first, second, 2 * last], index), options)

    def positive(self, index: int) -> int:
        """1 where a tensor is above 0, else 0."""
        zero = self.constant(np.float32([0]))
        above = self._result(self.shape(index), type_=schema.TensorType.BOOL)
        self._add(_CODE.GREATER, [index, zero], above, schema.GreaterOptionsT())
        options = schema.CastOptionsT(inDataType=schema.TensorType.BOOL, outDataType=_FLOAT)
        return self._add(_CODE.CAST, [above], self._result(self.shape(index)), options)

    def reduce(self, code: int, index: int, axis: int) -> int:
        shape = self.shape(index)
        axes = self.constant(np.array([axis], np.int32))
        result = self._result([*shape[:axis], *shape[axis + 1 :]], index)
        return self._add(code, [index, axes], result, schema.ReducerOptionsT(keepDims=False))

    def as_float(self, index: int) -> int:
        """The tensor, or the float32 that its int8 stands for."""
        if self.model.graph.tensors[index].type == _FLOAT:
            return index
        return self._add(_CODE.DEQUANTIZE, [index], self._result(self.shape(index)), schema.DequantizeOptionsT(), 2)

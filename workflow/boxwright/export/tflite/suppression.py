"""The suppression behind a converted network, with the operation that mobile runtimes have for it.

TFLite_Detection_PostProcess decodes boxes and suppresses them greedily. Two things keep it from doing so class by
class: over all anchors and many classes it takes several times as long as the network, and with two or more threads
LiteRT leaves out one class entirely, the one with the number of threads (from 0), and takes twice as long for starting
them. So it suppresses boxes of one class, in its fast mode, which has no threads. It gets the best pairs of anchor and
class as if they had one class, after the boxes of each class were moved to a place of their own, where they overlap no
others. Which boxes above a score survive depends only on those above it, so the result is that of suppression by class.
Afterwards each box is moved back, and its place says its class. Boxes outside the image, which the operation keeps, are
left out as by the engine, so it gives more than are wanted.

In an image that was padded there are many such boxes. The last row and column of pixels that are not the padding's tell
where the image ends, so that whoever gives the image need not say it; boxes that begin beyond are outside. They count
in the limit of their class, as they do in the engine.
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
from boxwright.runtimes.resizing import Input

OPERATION = "TFLite_Detection_PostProcess"
# The outputs in the operation's order, on which interpreters count, by their names in the signature.
OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")

# Pairs of anchor and class that are suppressed, as many as on the engine's quick way.
_PAIRS = 1024
# How many times as many boxes as are wanted the operation gives, and how many times where images are padded.
_SPARE, _SPARE_PADDED = 2, 8
# The operation takes no threshold of 0.
_LEAST_IOU = 1e-6
# The distance of two places, in sides of the image. Boxes are not clipped, so they may reach beyond the image.
_PLACE = 8.0
# The upper left corner of a box at the first place lies above this.
_REACH = 3.5

_FLOAT, _INT = schema.TensorType.FLOAT32, schema.TensorType.INT32
_CODE = schema.BuiltinOperator


def add(model: Model, detector: Ssd, anchors: np.ndarray, given: Input) -> None:
    """Put the detector's suppression behind its network, whose outputs are codes and scores (`network.convert`).

    anchors: float32 [A, 4], ymin, xmin, ymax, xmax. given: how the network takes an image.
    """
    settings, classes = detector.suppression, detector.num_classes
    padded = given.min_dimension is not None
    spare = (_SPARE_PADDED if padded else _SPARE) * settings.max_total_detections
    codes, scores = model.named(CODES), model.named(SCORES)
    sizes = anchors[:, 2:] - anchors[:, :2]
    centers = np.concatenate([anchors[:, :2] + sizes / 2, sizes], axis=1).astype(np.float32)
    steps = _Steps(model)
    if classes == 1:
        own = _limit(detector)
        if own >= settings.max_total_detections:  # then the number of all boxes can stand for that of the class
            spare = min(spare, own)
        inputs = [steps.as_float(codes), steps.as_float(scores), steps.constant(centers)]
        boxes, numbers, best, _ = _post_process(steps, inputs, _options(detector, spare))
        _finish(steps, boxes, numbers, best, settings.max_total_detections, _end(steps, given))
        return

    count = min(max(_PAIRS, 2 * spare), len(centers) * classes)
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
        _options(detector, spare),
    )
    boxes, numbers = _moved_back(steps, boxes, side)
    if padded:
        best = _limited(steps, best, numbers, classes, settings.max_detections_per_class)
    _finish(steps, boxes, numbers, best, settings.max_total_detections, _end(steps, given))


def _options(detector: Ssd, most: int) -> Mapping[str, int | float | bool]:
    """The operation's settings, by its names, to suppress boxes of one class; it gives `most` of them."""
    settings, coder = detector.suppression, detector.box_coder
    # Of several classes the limit of each is that of all, and more of one class than of all are never shown.
    of_class = min(_limit(detector), most) if detector.num_classes == 1 else most
    return {
        "max_detections": most,
        "max_classes_per_detection": 1,
        "detections_per_class": of_class,
        # The fast mode knows no limit of a class.
        "use_regular_nms": of_class < most,
        "nms_score_threshold": float(settings.score_threshold),
        "nms_iou_threshold": max(float(settings.iou_threshold), _LEAST_IOU),
        "num_classes": 1,
        "y_scale": float(coder.y_scale),
        "x_scale": float(coder.x_scale),
        "h_scale": float(coder.height_scale),
        "w_scale": float(coder.width_scale),
    }


def _limit(detector: Ssd) -> int:
    """Most boxes of one class."""
    settings = detector.suppression
    return settings.max_total_detections if settings.use_class_agnostic_nms else settings.max_detections_per_class


def _post_process(steps: "_Steps", inputs: Sequence[int], options: Mapping[str, Any]) -> list[int]:
    """The operation; its outputs are boxes [1, M, 4], classes [1, M], scores [1, M] and their number [1]."""
    most = options["max_detections"]
    shapes = {"boxes": [1, most, 4], "classes": [1, most], "scores": [1, most], "number": [1]}
    outputs = [steps.model.tensor(f"suppression/{name}", shape, _FLOAT) for name, shape in shapes.items()]
    steps.model.operator(_CODE.CUSTOM, inputs, outputs, custom=(OPERATION, flexbuffers.Dumps(options)))
    return outputs


def _end(steps: "_Steps", given: Input) -> int | None:
    """Where the image ends in the input: below and on the right, float32 [2], as parts of the input's sides.

    None where images are not padded.
    """
    if given.min_dimension is None:
        return None
    image = steps.model.graph.inputs[0]
    pixel = given.padding
    if steps.model.graph.tensors[image].type != _FLOAT:
        image, pixel = steps.cast(image), np.clip(np.round(given.padding_pixel), 0, 255)
    shown = steps.compare(_CODE.NOT_EQUAL, image, steps.constant(np.float32(pixel)), schema.NotEqualOptionsT())
    ends = []
    for axis, length in ((2, given.height), (1, given.width)):
        there = steps.cast(steps.reduce(_CODE.REDUCE_ANY, shown, axis, 3))
        counted = steps.constant(np.arange(1, length + 1, dtype=np.float32) / np.float32(length))
        ends.append(steps.reduce(_CODE.REDUCE_MAX, steps.both(_CODE.MUL, there, counted, schema.MulOptionsT()), 1))
    return steps.joined(ends, axis=0)


def _limited(steps: "_Steps", scores: int, numbers: int, classes: int, most: int) -> int:
    """The scores [1, M], best first, with 0 for boxes after the first `most` of their class (`numbers`, [1, M])."""
    count = steps.shape(scores)[1]
    each = steps.constant(np.arange(classes, dtype=np.float32))
    of_class = steps.compare(_CODE.EQUAL, steps.reshape(numbers, [1, count, 1]), each, schema.EqualOptionsT())
    of_class = steps.cast(of_class)
    place = steps.both(_CODE.MUL, steps.sums_so_far(of_class, axis=1), of_class, schema.MulOptionsT())
    place = steps.reduce(_CODE.SUM, place, 2)
    early = steps.compare(_CODE.LESS_EQUAL, place, steps.constant(np.float32([most])), schema.LessEqualOptionsT())
    return steps.both(_CODE.MUL, scores, steps.cast(early), schema.MulOptionsT())


def _finish(steps: "_Steps", boxes: int, classes: int, scores: int, most: int, end: int | None) -> None:
    """The best of the boxes [1, M, 4] that lie in the image, with their classes and scores [1, M], are the outputs.

    end: where the image ends in the input, [2], if it is padded.
    """
    zero, one = (steps.constant(np.float32([value])) for value in (0, 1))
    clipped = steps.both(_CODE.MAXIMUM, boxes, zero, schema.MaximumMinimumOptionsT())
    clipped = steps.both(_CODE.MINIMUM, clipped, one, schema.MaximumMinimumOptionsT())
    count = steps.shape(boxes)[1]
    low, high = (steps.slice(clipped, [1, count, 2], begin) for begin in (0, 2))
    if end is not None:
        high = steps.both(_CODE.MINIMUM, high, end, schema.MaximumMinimumOptionsT())
    sides = steps.both(_CODE.SUB, high, low, schema.SubOptionsT())
    inside = steps.positive(steps.reduce(_CODE.REDUCE_MIN, sides, 2))
    real = steps.both(_CODE.MUL, scores, inside, schema.MulOptionsT())
    best, rows = steps.top(real, most)
    rows = steps.reshape(rows, [most])
    found = (
        steps.gather(clipped, rows, [1, most, 4], axis=1),
        steps.gather(classes, rows, [1, most], axis=1),
        best,
        steps.reduce(_CODE.SUM, steps.positive(best), 1),
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
    classes = steps.reduce(_CODE.SUM, numbers, 2)
    away = steps.both(_CODE.MUL, place, steps.constant(np.float32([_PLACE])), schema.MulOptionsT())
    return steps.both(_CODE.SUB, boxes, steps.joined([away, away], axis=2), schema.SubOptionsT()), classes


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

    def joined(self, parts: Sequence[int], axis: int) -> int:
        """Tensors beside each other along an axis."""
        shape = self.shape(parts[0])
        shape[axis] = sum(self.shape(part)[axis] for part in parts)
        return self._add(
            _CODE.CONCATENATION, list(parts), self._result(shape, parts[0]), schema.ConcatenationOptionsT(axis=axis)
        )

    def compare(self, code: int, first: int, second: int, options: Any) -> int:
        """Whether a comparison of two tensors holds, where it does."""
        shape = np.broadcast_shapes(self.shape(first), self.shape(second))
        return self._add(code, [first, second], self._result(shape, type_=schema.TensorType.BOOL), options)

    def positive(self, index: int) -> int:
        """1 where a tensor is above 0, else 0."""
        return self.cast(self.compare(_CODE.GREATER, index, self.constant(np.float32([0])), schema.GreaterOptionsT()))

    def cast(self, index: int) -> int:
        """The numbers of a tensor of another type, or 1 for true and 0 for false, as float32."""
        options = schema.CastOptionsT(inDataType=self.model.graph.tensors[index].type, outDataType=_FLOAT)
        return self._add(_CODE.CAST, [index], self._result(self.shape(index)), options)

    def reduce(self, code: int, index: int, *axes: int) -> int:
        shape = [length for axis, length in enumerate(self.shape(index)) if axis not in axes]
        over = self.constant(np.array(axes, np.int32))
        options = schema.ReducerOptionsT(keepDims=False)
        return self._add(code, [index, over], self._result(shape, index), options)

    def sums_so_far(self, index: int, axis: int) -> int:
        """The sum of each number and those before it along an axis."""
        along = self.constant(np.array(axis, np.int32))
        options = schema.CumsumOptionsT(exclusive=False, reverse=False)
        return self._add(_CODE.CUMSUM, [index, along], self._result(self.shape(index), index), options)

    def as_float(self, index: int) -> int:
        """The tensor, or the float32 that its int8 stands for."""
        if self.model.graph.tensors[index].type == _FLOAT:
            return index
        return self._add(_CODE.DEQUANTIZE, [index], self._result(self.shape(index)), schema.DequantizeOptionsT(), 2)

"""Convert a flat TensorFlow graph to an ONNX model of standard operations, whose bytes depend on nothing else.

tf2onnx converts it. What it does not know, or knows only as a loop, is converted here.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import tf2onnx
from onnx import TensorProto
from tensorflow.core.framework.graph_pb2 import GraphDef
from tf2onnx import utils

from boxwright.export import standard_suppression

# Of June 2022: the first with everything needed that all current runtimes read.
OPSET = 17


def converted(graph: GraphDef, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> onnx.ModelProto:
    """The model with the same inputs and outputs, by the same names; `name` is the graph's."""
    with _prompt_collection():
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            name=name,
            input_names=[f"{one}:0" for one in inputs],
            output_names=[f"{one}:0" for one in outputs],
            opset=OPSET,
            custom_op_handlers={
                standard_suppression.NODE: (_suppression, []),
                "CropAndResize": (_crop_and_resize, []),
                "ResizeNearestNeighbor": (_nearest, []),
                "FloorMod": (_floor_division, []),
                "FloorDiv": (_floor_division, []),
            },
        )
    model = _canonical(model, {f"{one}:0": one for one in (*inputs, *outputs)})
    model.graph.name = name
    model.graph.doc_string = model.doc_string = ""
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    onnx.checker.check_model(model, full_check=True)
    return model


@contextmanager
def _prompt_collection() -> Iterator[None]:
    """Within this block cycles of new objects are collected as if nothing else were in memory.

    Each of tf2onnx's dozens of optimizations works on a copy of the graph with its weights, and the copy is a cycle.
    Python looks for cycles the more rarely the more objects there are: up to 12 GB of copies of a ResNet-101 waited.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _canonical(model: onnx.ModelProto, known: dict[str, str]) -> onnx.ModelProto:
    """The model with `known` names of inputs and outputs, whose nodes have an order and names of their own.

    tf2onnx numbers what a process has converted, and which of two equal constants or independent nodes comes first is
    chance. Here each node follows those that it reads, the outputs' first inputs first, and is numbered in this order.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    constants = {one.name: one for one in graph.initializer}
    names = dict(known)
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    for number, node in enumerate(_in_order(model.graph)):
        copy = graph.node.add()
        copy.CopyFrom(node)
        copy.name = f"{node.op_type}_{number}"
        copy.ClearField("doc_string")
        if not copy.domain:
            copy.ClearField("domain")  # some have the empty one, some none
        for one in filter(constants.__contains__, node.input):
            if one not in names:
                names[one] = f"constant_{len(graph.initializer)}"
                constant = graph.initializer.add()
                constant.CopyFrom(constants[one])
                constant.name = names[one]
        for position, one in enumerate(node.output):
            names.setdefault(one, f"{copy.name}_{position}" if position else copy.name)
        copy.input[:] = [names[one] if one else "" for one in node.input]
        copy.output[:] = [names[one] if one else "" for one in node.output]
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        for position, side in enumerate(value.type.tensor_type.shape.dim):
            if side.dim_param:
                side.dim_param = f"{value.name}_{position}" if position else "batch"
    return result


def _in_order(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, each after those that it reads."""
    makers = {one: node for node in graph.node for one in node.output}
    order: list[onnx.NodeProto] = []
    done: set[str] = set()
    waiting = [(value.name, False) for value in reversed(graph.output)]
    while waiting:
        name, read = waiting.pop()
        node = makers.get(name)
        if node is None or node.output[0] in done:
            continue
        if read:
            done.add(node.output[0])
            order.append(node)
        else:
            waiting.append((name, True))
            waiting += [(one, False) for one in reversed(node.input)]
    return order


class _Maker:
    """Adds nodes and constants to a graph of tf2onnx; each returns the name of its tensor."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def node(self, operation: str, inputs: list[str], **attributes) -> str:
        return self._context.make_node(operation, inputs, attr=attributes).output[0]

    def constant(self, value: Any, dtype: type) -> str:
        return self._context.make_const(utils.make_name("constant"), np.array(value, dtype)).output[0]


def _suppression(context: Any, node: Any, name: str, arguments: list) -> None:
    """The standard operation in place of the one that was left open; its inputs are the same."""
    inputs, outputs, shapes, types = list(node.input), list(node.output), node.output_shapes, node.output_dtypes
    context.remove_node(name)
    context.make_node("NonMaxSuppression", inputs, outputs=outputs, name=name, shapes=shapes, dtypes=types)


def _floor_division(context: Any, node: Any, name: str, arguments: list) -> None:
    """The quotient that is rounded down, or what is left; tf2onnx rounds quotients of whole numbers towards zero."""
    make = _Maker(context).node
    left, right = node.input[:2]
    outputs, shapes, types, quotient = (
        list(node.output),
        node.output_shapes,
        node.output_dtypes,
        node.type == "FloorDiv",
    )
    if types[0] in (TensorProto.INT32, TensorProto.INT64):
        # `Mod` takes the sign of the divisor.
        last = ("Div", [make("Sub", [left, make("Mod", [left, right])]), right]) if quotient else ("Mod", [left, right])
    else:
        floor = make("Floor", [make("Div", [left, right])])
        last = ("Identity", [floor]) if quotient else ("Sub", [left, make("Mul", [floor, right])])
    context.remove_node(name)
    context.make_node(*last, outputs=outputs, name=name, shapes=shapes, dtypes=types)


def _crop_and_resize(context: Any, node: Any, name: str, arguments: list) -> None:
    """RoiAlign with one sample in the middle of each of its cells, in place of a loop over the boxes.

    The samples of CropAndResize lie on the border of a box and at even distances between. So the cells are as large as
    these distances, and the region goes half a cell beyond the box. Within the feature map both interpolate alike;
    beyond it they differ, and no box goes beyond it (`detector.roi`).
    """
    features, boxes, images = node.input[:3]
    rows, columns = (int(side) for side in node.inputs[3].get_tensor_value())
    outputs, shapes, types = list(node.output), node.output_shapes, node.output_dtypes

    make, constant = _Maker(context).node, _Maker(context).constant
    height_and_width = make("Gather", [make("Shape", [features]), constant([1, 2, 1, 2], np.int64)])
    last_cell = make("Sub", [make("Cast", [height_and_width], to=TensorProto.FLOAT), constant(1, np.float32)])
    corners = make("Mul", [boxes, last_cell])
    low, high = (make("Gather", [corners, constant(sides, np.int64)], axis=1) for sides in ([1, 0], [3, 2]))
    cells = constant([2 * (columns - 1), 2 * (rows - 1)], np.float32)
    half_a_cell = make("Div", [make("Sub", [high, low]), cells])
    # `half_pixel` takes half a pixel off.
    half = constant(0.5, np.float32)
    regions = make(
        "Concat",
        [make("Add", [make("Sub", [low, half_a_cell]), half]), make("Add", [make("Add", [high, half_a_cell]), half])],
        axis=1,
    )
    aligned = make(
        "RoiAlign",
        [make("Transpose", [features], perm=[0, 3, 1, 2]), regions, make("Cast", [images], to=TensorProto.INT64)],
        output_height=rows,
        output_width=columns,
        sampling_ratio=1,
        spatial_scale=1.0,
        mode="avg",
        coordinate_transformation_mode="half_pixel",
    )
    context.remove_node(name)
    context.make_node(
        "Transpose", [aligned], attr={"perm": [0, 2, 3, 1]}, outputs=outputs, name=name, shapes=shapes, dtypes=types
    )


def _nearest(context: Any, node: Any, name: str, arguments: list) -> None:
    """Rows and columns chosen by number, in place of a resizing that rounds at whole numbers in its own way."""
    images, size = node.input[:2]
    align_corners = bool(node.get_attr_int("align_corners")) if "align_corners" in node.attr else False
    outputs, shapes, types = list(node.output), node.output_shapes, node.output_dtypes

    make, constant = _Maker(context).node, _Maker(context).constant
    size, shape = make("Cast", [size], to=TensorProto.INT64), make("Shape", [images])
    one = constant(1, np.float32)
    taken = images
    for axis in (1, 2):
        new, old = (
            make("Gather", [size, constant(axis - 1, np.int64)]),
            make("Gather", [shape, constant(axis, np.int64)]),
        )
        numbers = make("Range", [constant(0, np.int64), new, constant(1, np.int64)])
        numbers, new, old = (make("Cast", [value], to=TensorProto.FLOAT) for value in (numbers, new, old))
        last = make("Sub", [old, one])
        if align_corners:
            step = make("Div", [last, make("Max", [make("Sub", [new, one]), one])])
            at = make("Floor", [make("Add", [make("Mul", [numbers, step]), constant(0.5, np.float32)])])
        else:
            at = make("Floor", [make("Mul", [numbers, make("Div", [old, new])])])
        chosen = make("Cast", [make("Min", [at, last])], to=TensorProto.INT64)
        taken = make("Gather", [taken, chosen], axis=axis)
    context.remove_node(name)
    context.make_node("Identity", [taken], outputs=outputs, name=name, shapes=shapes, dtypes=types)

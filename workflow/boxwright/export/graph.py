"""Convert a function to one flat GraphDef with named input and outputs.

Variables become constants, and everything that does not depend on the input is computed beforehand.
"""

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

# The registry of operations, and TensorFlow's own conversion of a function to constants, which inlines all calls.
# Neither has a public name; the tests fail if they move.
from tensorflow.python.framework import op_def_registry
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

# Operations of loops and branches. They run in a frame of their own, so they cannot be computed beforehand.
_CONTROL_FLOW = {"Enter", "RefEnter", "Exit", "NextIteration", "Switch", "Merge", "LoopCond"}


def frozen(function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]], name: str, spec: tf.TensorSpec) -> GraphDef:
    """Trace `function` of one tensor as a flat graph.

    `name` becomes the name of the placeholder, and each key of the result the name of the node of its tensor, so that
    `name:0` can be fed and `key:0` fetched. Variables become constants with their current values, calls are inlined,
    loops have TF1's form, and everything that depends only on constants is computed (so batch norm becomes part of the
    kernel).
    """
    names: list[str] = []

    def traced(image: tf.Tensor) -> list[tf.Tensor]:
        outputs = function(image)
        names[:] = sorted(outputs)
        return [outputs[key] for key in names]

    concrete = tf.function(traced, autograph=False).get_concrete_function(tf.TensorSpec(spec.shape, spec.dtype, name))
    constant = convert_variables_to_constants_v2(concrete)
    graph = constant.graph.as_graph_def()
    fetched = [tensor.name for tensor in constant.outputs]
    graph = _renamed(graph, {constant.inputs[0].op.name: name}, dict(zip(names, fetched, strict=True)))
    return canonical(folded(released(graph), names), names)


def released(graph: GraphDef) -> GraphDef:
    """The graph without the control inputs that do not affect its values.

    Such control inputs remain from calls and assertions; nothing in a detector has side effects. A node that reads a
    tensor runs in the loop or branch of that tensor. A constant reads none, so only its control inputs place it in a
    loop or branch; there it keeps them.
    """
    result = GraphDef()
    result.CopyFrom(graph)
    plain: set[str] = set()
    for node in _sorted(result):
        tensors = [path for path in node.input if not path.startswith("^")]
        if tensors or all(_source(path) in plain for path in node.input):
            node.input[:] = tensors
        if node.op not in _CONTROL_FLOW and all(_source(path) in plain for path in node.input):
            plain.add(node.name)
    return result


def folded(graph: GraphDef, outputs: list[str]) -> GraphDef:
    """The graph in which every tensor that depends only on constants is computed and stored.

    Grappler would do this again in each session. Done here, it makes the file smaller and its start faster, and
    programs without Grappler can read it. Nodes with side effects or control inputs, and nodes in loops, stay.
    """
    nodes = {node.name: node for node in graph.node}
    fixed = {name for name, node in nodes.items() if node.op == "Const" and not node.input}
    for node in _sorted(graph):
        if node.name not in fixed and _is_pure(node) and all(_source(path) in fixed for path in node.input):
            fixed.add(node.name)
    wanted = {path for node in graph.node if node.name not in fixed for path in node.input if not path.startswith("^")}
    wanted |= set(outputs)
    wanted = {path for path in wanted if _source(path) in fixed and nodes[_source(path)].op != "Const"}
    if not wanted:
        return graph
    values = _computed(graph, sorted(wanted))

    result = GraphDef(versions=graph.versions, library=graph.library)
    replaced = {path: path.replace(":", "/output_") for path in wanted}
    for node in graph.node:
        if node.name in fixed and (node.op != "Const" or node.name in replaced):
            continue
        copy = result.node.add()
        copy.CopyFrom(node)
        waits = [path for path in node.input if path.startswith("^") and _source(path) not in fixed]
        copy.input[:] = [replaced.get(path, path) for path in node.input if not path.startswith("^")] + waits
    for path, value in values.items():
        result.node.append(_constant(replaced[path], value))
    return result


def canonical(graph: GraphDef, outputs: list[str]) -> GraphDef:
    """The nodes that `outputs` depend on, each after the nodes it reads; equal functions give equal bytes.

    Identities before any loop or branch are removed, as are private attributes (hints for the tracing machine) and the
    function library. A number as a name counts what the process did before, so such a node gets a new name.
    """
    nodes = {node.name: node for node in graph.node}
    alias: dict[str, str] = {}
    plain: set[str] = set()
    for node in _sorted(graph, outputs):
        if node.op not in _CONTROL_FLOW and all(_source(path) in plain for path in node.input):
            plain.add(node.name)
            if node.op == "Identity" and node.name not in outputs:
                alias[node.name] = alias.get(node.input[0], node.input[0])
    result = GraphDef(versions=graph.versions)
    names: dict[str, str] = {}
    taken = set(nodes)
    for node in _sorted(graph, outputs):
        if node.name in alias:
            continue
        names[node.name] = _unnumbered(node.name, taken)
        copy = result.node.add()
        copy.CopyFrom(nodes[node.name])
        for key in [key for key in copy.attr if key.startswith("_")]:
            del copy.attr[key]
    for node in result.node:
        node.input[:] = [_with_source(path, names, alias) for path in node.input]
        node.name = names[node.name]
    return result


def _unnumbered(name: str, taken: set[str]) -> str:
    """`name` with its number parts replaced, and different from all names in `taken`."""
    base = "/".join("captured" if part.isdigit() else part for part in name.split("/"))
    if base == name:
        return name
    name = next(one for one in (f"{base}_{count}" for count in itertools.count()) if one not in taken)
    taken.add(name)
    return name


def _with_source(path: str, names: Mapping[str, str], alias: Mapping[str, str]) -> str:
    mark = "^" if path.startswith("^") else ""
    bare = path.removeprefix("^")
    bare = alias.get(bare, bare)
    source, colon, port = bare.partition(":")
    return mark + names.get(source, source) + ("" if mark else colon + port)


def _is_pure(node: NodeDef) -> bool:
    """Whether a node gives the same result each time, has no control input and at least one data input."""
    if node.op in _CONTROL_FLOW or not node.input or any(path.startswith("^") for path in node.input):
        return False
    if any(value.HasField("func") for value in node.attr.values()):
        return False
    return not op_def_registry.get(node.op).is_stateful


def _computed(graph: GraphDef, paths: list[str]) -> dict[str, np.ndarray]:
    with tf.Graph().as_default() as whole:
        tf.import_graph_def(graph, name="")
        tensors = [path if ":" in path else f"{path}:0" for path in paths]
        with tf.compat.v1.Session(graph=whole) as session:
            return dict(zip(paths, session.run(tensors), strict=True))


def _constant(name: str, value: np.ndarray) -> NodeDef:
    value = np.asarray(value)
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def _sorted(graph: GraphDef, outputs: list[str] | None = None) -> list[NodeDef]:
    """The nodes that `outputs` (default: all) depend on, each after its inputs; loops are cut at their back edges."""
    nodes = {node.name: node for node in graph.node}
    done: set[str] = set()
    order: list[NodeDef] = []
    roots = list(nodes) if outputs is None else list(outputs)
    while roots:
        waiting = [(roots.pop(0), False)]
        while waiting:
            name, finished = waiting.pop()
            if finished:
                order.append(nodes[name])
            elif name not in done:
                done.add(name)
                waiting.append((name, True))
                sources = [_source(path) for path in nodes[name].input]
                if nodes[name].op == "NextIteration":
                    roots += sources
                else:
                    waiting += [(source, False) for source in reversed(sources)]
    return order


def _renamed(graph: GraphDef, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> GraphDef:
    """The graph with its placeholder renamed and an Identity of the wanted name behind each output tensor.

    A node that already has one of these names (a `tf.identity(x, name=...)` in the function) is renamed.
    """
    taken = set(outputs)
    moved = {node.name: f"{node.name}/value" for node in graph.node if node.name in taken} | dict(inputs)

    def new(path: str) -> str:
        mark, bare = ("^", path[1:]) if path.startswith("^") else ("", path)
        source, colon, port = bare.partition(":")
        return mark + moved.get(source, source) + colon + port

    result = GraphDef(versions=graph.versions, library=graph.library)
    for node in graph.node:
        copy = result.node.add()
        copy.CopyFrom(node)
        copy.name = moved.get(node.name, node.name)
        copy.input[:] = [new(path) for path in node.input]
    types = _types(graph, outputs.values())
    for name, path in outputs.items():
        node = result.node.add(name=name, op="Identity", input=[new(path.removesuffix(":0"))])
        node.attr["T"].type = types[path]
    return result


def _types(graph: GraphDef, paths) -> dict[str, int]:
    with tf.Graph().as_default() as whole:
        tf.import_graph_def(graph, name="")
        return {path: whole.get_tensor_by_name(path).dtype.as_datatype_enum for path in paths}


def _source(path: str) -> str:
    """The node that an input path (`name`, `name:1`, `^name`) reads."""
    return path.removeprefix("^").partition(":")[0]

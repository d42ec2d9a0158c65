"""Loops of a flat graph that run exactly once: their body takes their place.

A batch of one image is still processed by a loop over the batch. Other runtimes read no loops in TF1's form.
"""

from tensorflow.core.framework import types_pb2
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from boxwright.export import graph as graphs

_LOOP = ("Enter", "Exit", "NextIteration", "Switch", "Merge", "LoopCond")


def are_in(graph: GraphDef) -> bool:
    """Whether a flat graph has loops."""
    return any(node.op == "Enter" for node in graph.node)


def once(graph: GraphDef, outputs: list[str]) -> GraphDef:
    """The graph in which each loop is replaced by its body, as if it ran once, and constants are computed again.

    The lists in which loops collect their results become tensors. The caller knows that each loop runs exactly once and
    is in no other.
    """
    nodes = {node.name: node for node in graph.node}
    result = GraphDef(versions=graph.versions)
    first = result.node.add(name="loops/first", op="Const")
    first.attr["dtype"].type = types_pb2.DT_INT32
    first.attr["value"].tensor.dtype = types_pb2.DT_INT32
    first.attr["value"].tensor.int_val.append(0)
    first.attr["value"].tensor.tensor_shape.SetInParent()
    for node in graph.node:
        if node.op in _LOOP:
            continue
        copy = result.node.add()
        copy.CopyFrom(node)
        # Control inputs only say which loop a constant is in.
        copy.input[:] = [_resolved(path, nodes) for path in node.input if not path.startswith("^")]
        if node.op == "TensorListStack":
            item = _resolved(_source_of(copy.input[0], nodes, "TensorListSetItem").input[2], nodes)
            _become(copy, "ExpandDims", [item, first.name], T=node.attr["element_dtype"], Tdim=first.attr["dtype"])
        elif node.op == "TensorListGetItem":
            whole = _resolved(_source_of(copy.input[0], nodes, "TensorListFromTensor").input[0], nodes)
            types = {"Tparams": node.attr["element_dtype"], "Tindices": first.attr["dtype"]}
            _become(copy, "GatherV2", [whole, copy.input[1], first.name], **types, Taxis=first.attr["dtype"])
    return graphs.canonical(graphs.folded(graphs.canonical(result, outputs), outputs), outputs)


def _resolved(path: str, nodes: dict[str, NodeDef]) -> str:
    """The tensor that `path` is in the only iteration of its loop, or after it."""
    while (node := nodes[path.partition(":")[0]]).op in _LOOP:
        if node.op == "Merge":
            path = next(one for one in node.input if nodes[one.partition(":")[0]].op != "NextIteration")
        elif node.op == "Exit":
            switch = nodes[node.input[0].partition(":")[0]]
            merge = nodes[switch.input[0].partition(":")[0]]
            path = next(one for one in merge.input if nodes[one.partition(":")[0]].op == "NextIteration")
        else:
            path = node.input[0]
    return path


def _source_of(path: str, nodes: dict[str, NodeDef], operation: str) -> NodeDef:
    """The node of an operation that makes a list of tensors."""
    while (node := nodes[_resolved(path, nodes).partition(":")[0]]).op != operation:
        path = node.input[0]
    return node


def _become(node: NodeDef, operation: str, inputs: list[str], **attributes) -> None:
    """Make a node, under its name, one of another operation."""
    node.op, node.input[:] = operation, inputs
    node.attr.clear()
    for name, value in attributes.items():
        node.attr[name].CopyFrom(value)

"""Mutants of frozen graphs as start weights. Independent reading: numpy, of the constants' bytes."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from tensorflow.core.framework.graph_pb2 import GraphDef

from boxwright.checkpoints import checkpoint_files
from boxwright.core.errors import UserError
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import listed, mutants, varint

_FLOAT, _INT = 1, 3
_SCOPE = "FeatureExtractor/MobilenetV1/MobilenetV1/Conv2d_0"


def _node(graph: GraphDef, name: str, op: str, *inputs: str) -> None:
    graph.node.add(name=name, op=op, input=inputs)


def _constant(graph: GraphDef, name: str, value: np.ndarray, dtype: int = _FLOAT) -> None:
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = dtype
    tensor = node.attr["value"].tensor
    tensor.dtype = dtype
    for size in value.shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = value.tobytes()


def _graph(kind: str = "Conv2D", fused: bool = False) -> GraphDef:
    """A convolution with batch norm that is folded into a factor and an offset, behind Identity nodes."""
    graph = GraphDef()
    _node(graph, "image", "Placeholder")
    _constant(graph, f"{_SCOPE}/weights", np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4))
    _node(graph, f"{_SCOPE}/weights/read", "Identity", f"{_SCOPE}/weights")
    channels = 8 if kind.startswith("Depthwise") else 4
    _constant(graph, f"{_SCOPE}/factor", np.full(channels, 2, np.float32))
    _constant(graph, f"{_SCOPE}/offset", np.ones(channels, np.float32))
    convolution = f"{_SCOPE}/convolution"
    if fused:
        _node(graph, convolution, f"_Fused{kind}", "image", f"{_SCOPE}/weights/read", f"{_SCOPE}/offset")
    else:
        _node(graph, convolution, kind, "image", f"{_SCOPE}/weights/read")
        _node(graph, f"{_SCOPE}/mul", "Mul", convolution, f"{_SCOPE}/factor")
        _node(graph, f"{_SCOPE}/add", "Add", f"{_SCOPE}/mul", f"{_SCOPE}/offset")
        _node(graph, f"{_SCOPE}/Relu6", "Relu6", f"{_SCOPE}/add")
    return graph


_GRAPHS = [_graph(), _graph("DepthwiseConv2dNative"), _graph(fused=True)]
_NORMED = _graph()
_NORMED.node[-2].op, _NORMED.node[-3].op = "FusedBatchNormV3", "Identity"
_NORMED.node[-2].input.extend([f"{_SCOPE}/{name}" for name in ("factor", "offset", "factor")])
_GRAPHS.append(_NORMED)
SEEDS = [graph.SerializeToString(deterministic=True) for graph in _GRAPHS]
WORDS = [
    *listed("Const|Conv2D|Identity|MatMul|_FusedMatMul|FusedBatchNorm|Sub|PyFunc|ReadFile|/weights|^|:0"),
    *(varint(2**31), varint(2**63), b"\x0a\xff\xff\xff\xff\x07", b"\xff" * 9, b"\x12\x02\x08\x7f"),
]

_names = st.sampled_from(
    [*(node.name for node in _GRAPHS[0].node), "", "x", "^image", f"{_SCOPE}/weights:1", "é/weights"]
)
_OPS = "Conv2D|DepthwiseConv2dNative|MatMul|_FusedConv2D|_FusedMatMul|Identity|Const|Mul|Add|BiasAdd|Sub|Shape|PyFunc"
_ops = st.sampled_from([*listed(_OPS), "FusedBatchNormV3", "Snapshot"])
_sizes = st.sampled_from([0, 1, 2, 4, 8, -1, 2**20, 2**31, 2**62])
_types = st.sampled_from([0, 1, 1, 2, 3, 7, 8, 9, 10, 14, 19, 20, 21, 23, 99, 101])


@st.composite
def _changed(draw: Callable) -> bytes:
    """A sound graph with some nodes that are named, wired, shaped or filled oddly."""
    graph = GraphDef()
    graph.CopyFrom(draw(st.sampled_from(_GRAPHS)))
    for _ in range(draw(st.integers(1, 4))):
        node = graph.node[draw(st.integers(0, len(graph.node) - 1))]
        change = draw(st.integers(0, 6))
        if change == 0:
            node.name = draw(_names)
        elif change == 1:
            node.op = draw(_ops)
        elif change == 2:
            del node.input[:]
            node.input.extend(draw(st.lists(_names, max_size=5)))
        elif change == 3:
            graph.node.add().CopyFrom(node)
        elif node.op == "Const":
            tensor = node.attr["value"].tensor
            if change == 4:
                del tensor.tensor_shape.dim[:]
                for size in draw(st.lists(_sizes, max_size=5)):
                    tensor.tensor_shape.dim.add(size=size)
            elif change == 5:
                tensor.dtype = draw(_types)
            else:
                tensor.tensor_content = draw(st.sampled_from([b"", bytes(4), bytes(16), bytes(33)]))
                tensor.float_val.extend(draw(st.lists(st.sampled_from([0.0, 1.5, float("nan")]), max_size=3)))
                tensor.string_val.extend(draw(st.lists(st.just(b"x"), max_size=1)))
    return graph.SerializeToString(deterministic=True)


@fuzz(mutants(SEEDS, words=WORDS) | _changed())
def test_frozen_graph(data: bytes, tmp_path: Path) -> None:
    """Every constant with a weight's name has the values of its bytes, or one error tells what is wrong."""
    path = tmp_path / "frozen_inference_graph.pb"
    path.write_bytes(data)
    reader = told(checkpoint_files.read, path)
    if isinstance(reader, UserError):
        return
    values = {name: reader.value(name) for name in reader.shapes}
    assert all(value.shape == reader.shapes[name] for name, value in values.items())
    for node in GraphDef.FromString(data).node:
        tensor = node.attr["value"].tensor
        if node.op == "Const" and tensor.tensor_content and re.search("/(weights|gamma|beta)$", node.name):
            last = [one for one in GraphDef.FromString(data).node if one.name == node.name][-1]
            if last is node and tensor.dtype == _FLOAT:
                found = np.frombuffer(tensor.tensor_content, "<f4").reshape(
                    [dim.size for dim in tensor.tensor_shape.dim]
                )
                assert np.array_equal(values[node.name], found, equal_nan=True)


def test_seeds_are_read(tmp_path: Path) -> None:
    """The seeds give the weights of their layer, so that the mutants of them come near."""
    path = tmp_path / "frozen_inference_graph.pb"
    layer = "FeatureExtractor/MobilenetV1/Conv2d_0"
    for data, kind, gamma in zip(
        SEEDS, ("weights", "depthwise_weights", "weights", "weights"), (2, 2, 1, None), strict=True
    ):
        path.write_bytes(data)
        reader = checkpoint_files.read(path)
        assert reader.value(f"{layer}/{kind}").shape == (1, 1, 2, 4)
        if gamma is not None:
            assert np.all(reader.value(f"{layer}/BatchNorm/gamma") == gamma)

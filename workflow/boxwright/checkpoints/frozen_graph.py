"""Reading weights from a frozen graph, under the names that checkpoints use.

A frozen graph holds constants in place of a model's variables. Graphs of the OD API keep the variables' names, but in
many of them batch norm has been folded: either a factor and an offset per channel remain after the convolution, or both
are merged into the kernel and an addition. Such a layer gets an equivalent batch norm: gamma is the factor, beta the
offset, moving_mean 0, and moving_variance the value that makes the standard deviation 1.

Layers are found by the names of their convolutions. In these names the scope of a backbone occurs twice
(FeatureExtractor/MobilenetV1/MobilenetV1/Conv2d_0/Conv2D), in checkpoints once.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from boxwright.core.errors import UserError

CONVOLUTIONS = {"Conv2D": "weights", "DepthwiseConv2dNative": "depthwise_weights", "MatMul": "weights"}
# In a graph optimised by Grappler, one operation replaces a convolution with its addition and activation.
FUSED = {"_FusedConv2D": "weights", "_FusedDepthwiseConv2dNative": "depthwise_weights", "_FusedMatMul": "weights"}
PASS_THROUGH = ("Identity", "BatchToSpaceND", "Squeeze", "Snapshot")
# Epsilon of batch norm, which is subtracted from a moving variance of 1. ResNets have another one than MobileNets.
EPSILONS = {"resnet": 1e-5}
EPSILON = 1e-3

# A backbone's scope that occurs twice in a row, at the end of a name or in its middle.
DOUBLED = re.compile(r"(^|/)(MobilenetV\d|resnet_v1_\d+|InceptionV\d)/\2(?=/|$)")


def read(path: str | Path) -> dict[str, np.ndarray]:
    """All weights of the frozen graph at `path` by checkpoint name.

    Raises UserError if the file is not a GraphDef or holds no weights.
    """
    graph = GraphDef()
    try:
        graph.ParseFromString(Path(path).read_bytes())
    except (OSError, DecodeError) as error:
        raise UserError(
            f"The frozen graph {path} cannot be read ({error}). It must be a binary GraphDef (.pb)."
        ) from error
    weights = weights_of(graph)
    if not weights:
        raise UserError(
            f"{path} holds no convolution with constant weights, so it is not a frozen graph. If it is the .pb of "
            "a SavedModel with variables, give the model's checkpoint instead."
        )
    return weights


def weights_of(graph: GraphDef) -> dict[str, np.ndarray]:
    """Weights by checkpoint name: constants with a variable's name, and the rest derived from the convolutions."""
    nodes = {node.name: node for node in graph.node}
    consumers: Mapping[str, list[NodeDef]] = defaultdict(list)
    for node in graph.node:
        for source in node.input:
            consumers[_producer(source)].append(node)
    weights = {
        name: _value(node)
        for name, node in nodes.items()
        if node.op == "Const" and re.search(r"/(weights|depthwise_weights|biases|gamma|beta|moving_\w+)$", name)
    }
    for node in graph.node:
        kind = CONVOLUTIONS.get(node.op) or FUSED.get(node.op)
        kernel = None if kind is None else _constant(nodes, node.input[1])
        if kernel is not None:
            for name, value in _layer(node, kind, kernel, nodes, consumers).items():
                weights.setdefault(name, value)
    return weights


def _layer(
    node: NodeDef, kind: str, kernel: np.ndarray, nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[NodeDef]]
) -> dict[str, np.ndarray]:
    """The variables of the layer with the convolution `node`. The offset is given twice: as bias and as batch norm."""
    layer = DOUBLED.sub(r"\1\2", node.name.rsplit("/", 1)[0])
    channels = kernel.shape[2] * kernel.shape[3] if kind == "depthwise_weights" else kernel.shape[-1]
    scale, shift = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    if node.op in FUSED:
        shift = shift + _constant(nodes, node.input[2])
    else:
        while step := _affine_step(node, channels, nodes, consumers):
            node, factor, offset = step
            scale, shift = scale * factor, shift * factor + offset
    epsilon = next((value for part, value in EPSILONS.items() if part in layer), EPSILON)
    return {
        f"{layer}/{kind}": kernel,
        f"{layer}/biases": shift,
        f"{layer}/BatchNorm/gamma": scale,
        f"{layer}/BatchNorm/beta": shift,
        f"{layer}/BatchNorm/moving_mean": np.zeros_like(shift),
        f"{layer}/BatchNorm/moving_variance": np.full_like(shift, 1 - epsilon),
    }


def _affine_step(
    node: NodeDef, channels: int, nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[NodeDef]]
) -> tuple[NodeDef, np.ndarray, np.ndarray] | None:
    """(consumer, factor, offset) if what follows `node` multiplies by or adds constants per channel, else None."""
    following = [user for user in consumers[node.name] if user.op != "Shape"]
    if len(following) != 1:
        return None
    (user,) = following
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    if user.op in PASS_THROUGH:
        return user, ones, zeros
    if user.op.startswith("FusedBatchNorm"):
        gamma, beta, mean, variance = (_constant(nodes, source) for source in user.input[1:5])
        if any(value is None for value in (gamma, beta, mean, variance)):
            return None
        factor = gamma / np.sqrt(variance + user.attr["epsilon"].f)
        return user, factor, beta - mean * factor
    if user.op not in ("Mul", "Add", "AddV2", "BiasAdd", "Sub"):
        return None
    position = [_producer(source) for source in user.input].index(node.name)
    value = _constant(nodes, user.input[1 - position])
    if value is None or value.size != channels or (user.op == "Sub" and position == 1):
        return None
    value = value.reshape(-1)
    if user.op == "Mul":
        return user, value, zeros
    return user, ones, -value if user.op == "Sub" else value


def _constant(nodes: Mapping[str, NodeDef], name: str) -> np.ndarray | None:
    """The value of a constant, possibly behind Identity nodes; None if it is computed."""
    node = nodes.get(_producer(name))
    while node is not None and node.op == "Identity":
        node = nodes.get(_producer(node.input[0]))
    return _value(node) if node is not None and node.op == "Const" else None


def _value(node: NodeDef) -> np.ndarray:
    return tf.make_ndarray(node.attr["value"].tensor)


def _producer(name: str) -> str:
    return name.lstrip("^").split(":")[0]

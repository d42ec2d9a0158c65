"""Reading weights from a frozen graph, under the names that checkpoints use.

A frozen graph holds constants in place of a model's variables. Graphs of the OD API keep the variables' names, but in
many of them batch norm has been folded: either a factor and an offset per channel remain after the convolution, or both
are merged into the kernel and an addition. Such a layer gets an equivalent batch norm: gamma is the factor, beta the
offset, moving_mean 0, and moving_variance the value that makes the standard deviation 1.

Layers are found by the names of their convolutions. In these names the scope of a backbone occurs twice
(FeatureExtractor/MobilenetV1/MobilenetV1/Conv2d_0/Conv2D), in checkpoints once.

A graph comes from outside. Nothing of it is executed: its nodes are read as data, and a node that cannot be what it
says it is, is an error.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

from boxwright.core import pointers
from boxwright.core.errors import UserError

CONVOLUTIONS = {"Conv2D": "weights", "DepthwiseConv2dNative": "depthwise_weights", "MatMul": "weights"}
# In a graph optimised by Grappler, one operation replaces a convolution with its addition and activation.
FUSED = {"_FusedConv2D": "weights", "_FusedDepthwiseConv2dNative": "depthwise_weights", "_FusedMatMul": "weights"}
PASS_THROUGH = ("Identity", "BatchToSpaceND", "Squeeze", "Snapshot")
# Epsilon of batch norm, which is subtracted from a moving variance of 1. ResNets have another one than MobileNets.
EPSILONS = {"resnet": 1e-5}
EPSILON = 1e-3

# Bytes of all weights together: a protobuf file, such as a graph, cannot have more. A constant that repeats one value
# takes a few bytes in the file, whatever its shape.
LARGEST = 2**31

# A backbone's scope that occurs twice in a row, at the end of a name or in its middle.
DOUBLED = re.compile(r"(^|/)(MobilenetV\d|resnet_v1_\d+|InceptionV\d)/\2(?=/|$)")


def read(path: str | Path) -> dict[str, np.ndarray]:
    """All weights of the frozen graph at `path` by checkpoint name.

    Raises UserError if the file is not a GraphDef, is damaged, or holds no weights.
    """
    graph = GraphDef()
    try:
        data = Path(path).read_bytes()
        if pointers.is_git_lfs(data):
            raise UserError(f"The frozen graph {path} cannot be used: {pointers.GIT_LFS}.")
        graph.ParseFromString(data)
        weights = weights_of(graph)
    except (OSError, DecodeError) as error:
        raise UserError(
            f"The frozen graph {path} cannot be read ({error}). It must be a binary GraphDef (.pb)."
        ) from error
    except ValueError as error:
        raise UserError(
            f"The frozen graph {path} is damaged: {error}. None of it was used. Download or copy it again."
        ) from error
    if not weights:
        raise UserError(
            f"{path} holds no convolution with constant weights, so it is not a frozen graph. If it is the .pb of "
            "a SavedModel with variables, give the model's checkpoint instead."
        )
    return weights


def weights_of(graph: GraphDef) -> dict[str, np.ndarray]:
    """Weights by checkpoint name: constants with a variable's name, and the rest derived from the convolutions.

    Raises ValueError, with the node's name, for a constant that is damaged.
    """
    nodes = {node.name: node for node in graph.node}
    consumers: Mapping[str, list[NodeDef]] = defaultdict(list)
    for node in graph.node:
        for source in node.input:
            consumers[_producer(source)].append(node)
    constants = _Constants(nodes)
    weights = {
        name: constants.value(node)
        for name, node in nodes.items()
        if node.op == "Const" and re.search(r"/(weights|depthwise_weights|biases|gamma|beta|moving_\w+)$", name)
    }
    for node in graph.node:
        kind = CONVOLUTIONS.get(node.op) or FUSED.get(node.op)
        kernel = constants.of_input(node, 1) if kind else None
        if kernel is not None and kernel.ndim == (2 if node.op.endswith("MatMul") else 4):
            for name, value in _layer(node, kind, kernel, constants, consumers).items():
                weights.setdefault(name, value)
    return weights


class _Constants:
    """The values of a graph's constants, each read once. No constant that is read is damaged or larger than a graph."""

    def __init__(self, nodes: Mapping[str, NodeDef]) -> None:
        self._nodes = nodes
        self._known: dict[str, np.ndarray] = {}
        self._bytes = 0

    def of_input(self, node: NodeDef, place: int) -> np.ndarray | None:
        """The value of a node's input, if it is a constant of floats, possibly behind Identity nodes; else None."""
        passed: set[str] = set()
        while place < len(node.input):
            source = self._nodes.get(_producer(node.input[place]))
            if source is None or source.name in passed:
                return None
            if source.op == "Const":
                return self.value(source) if _type(source).is_floating else None
            if source.op != "Identity":
                return None
            passed.add(source.name)
            node, place = source, 0
        return None

    def value(self, node: NodeDef) -> np.ndarray:
        """The value of a constant. Raises ValueError if there is none that the node can have."""
        if node.name not in self._known:
            self._known[node.name] = self._read(node)
        return self._known[node.name]

    def _read(self, node: NodeDef) -> np.ndarray:
        tensor, dtype = node.attr["value"].tensor, _type(node)
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        if not dtype.is_floating:
            raise ValueError(f"{node.name} has the name of a weight, but is of type {dtype.name}")
        if min(shape, default=0) < 0:
            raise ValueError(f"{node.name} has the impossible shape {shape}")
        size = math.prod(shape) * dtype.size
        if tensor.tensor_content and len(tensor.tensor_content) != size:
            raise ValueError(f"{node.name} has the shape {shape}, but {len(tensor.tensor_content)} bytes of values")
        self._bytes += size
        if self._bytes > LARGEST:
            raise ValueError(f"with {node.name} of the shape {shape} its weights take over {LARGEST / 1e9:.0f} GB")
        try:
            return tf.make_ndarray(tensor)
        except (TypeError, OverflowError, ValueError) as error:
            raise ValueError(f"the values of {node.name} cannot be read ({error})") from error


def _layer(
    node: NodeDef, kind: str, kernel: np.ndarray, constants: _Constants, consumers: Mapping[str, list[NodeDef]]
) -> dict[str, np.ndarray]:
    """The variables of the layer with the convolution `node`. The offset is given twice: as bias and as batch norm."""
    layer = DOUBLED.sub(r"\1\2", node.name.rsplit("/", 1)[0])
    channels = kernel.shape[2] * kernel.shape[3] if kind == "depthwise_weights" else kernel.shape[-1]
    scale, shift = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    if node.op in FUSED:
        offset = constants.of_input(node, 2)
        if offset is None or offset.size != channels:
            return {f"{layer}/{kind}": kernel}
        shift = shift + offset.reshape(-1)
    else:
        passed = {node.name}
        while (step := _affine_step(node, channels, constants, consumers)) and step[0].name not in passed:
            node, factor, offset = step
            passed.add(node.name)
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
    node: NodeDef, channels: int, constants: _Constants, consumers: Mapping[str, list[NodeDef]]
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
        gamma, beta, mean, variance = (constants.of_input(user, place) for place in range(1, 5))
        if any(value is None or value.shape != (channels,) for value in (gamma, beta, mean, variance)):
            return None
        factor = gamma / np.sqrt(variance + user.attr["epsilon"].f)
        return user, factor, beta - mean * factor
    if user.op not in ("Mul", "Add", "AddV2", "BiasAdd", "Sub"):
        return None
    position = [_producer(source) for source in user.input].index(node.name)
    value = constants.of_input(user, 1 - position) if position < 2 else None
    if value is None or value.size != channels or (user.op == "Sub" and position == 1):
        return None
    value = value.reshape(-1)
    if user.op == "Mul":
        return user, value, zeros
    return user, ones, -value if user.op == "Sub" else value


def _type(node: NodeDef) -> tf.DType:
    """The type of a constant."""
    number = node.attr["value"].tensor.dtype
    try:
        return tf.dtypes.as_dtype(number)
    except TypeError:
        raise ValueError(f"{node.name} is of type {number}, which does not exist") from None


def _producer(name: str) -> str:
    return name.lstrip("^").split(":")[0]

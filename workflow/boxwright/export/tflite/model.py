"""A TFLite model as objects that can be changed, and its bytes.

The schema's own Python classes are used. Constants are aligned to 16 bytes as the schema asks, which its Python classes
do not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
}


class _AlignedBuffer(schema.BufferT):
    """A buffer whose bytes lie at a multiple of 16 in the file."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802  (the library calls it so)
        data = None
        if self.data is not None and len(self.data):
            content = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(content), 16)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


class Model:
    """A model with one subgraph, read from its bytes, to which tensors and operators can be added."""

    def __init__(self, content: bytes) -> None:
        self.whole = schema.ModelT.InitFromPackedBuf(content)
        (self.graph,) = self.whole.subgraphs

    def to_bytes(self) -> bytes:
        """The file's content."""
        self.whole.buffers = [_aligned(buffer) for buffer in self.whole.buffers]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.whole.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def named(self, name: str) -> int:
        """The number of the output of this name."""
        return next(index for index in self.graph.outputs if self.graph.tensors[index].name == name.encode())

    def tensor(
        self, name: str, shape: Sequence[int], like: "schema.TensorT | int", data: np.ndarray | None = None
    ) -> int:
        """Add a tensor and return its number; `like` is its type, or a tensor whose type and quantization it has."""
        buffer = 0
        if data is not None:
            buffer = self.buffer(np.frombuffer(data.tobytes(), np.uint8))
        added = schema.TensorT(shape=list(shape), buffer=buffer, name=name.encode(), hasRank=True)
        added.type = like if isinstance(like, int) else like.type
        added.quantization = None if isinstance(like, int) else like.quantization
        self.graph.tensors.append(added)
        return len(self.graph.tensors) - 1

    def constant(self, name: str, value: np.ndarray) -> int:
        """Add a constant, float32 or int32, and return its number."""
        return self.tensor(name, value.shape, _TYPES[value.dtype], value)

    def buffer(self, data: np.ndarray) -> int:
        """Add bytes and return the number of their buffer."""
        self.whole.buffers.append(schema.BufferT(data=data))
        return len(self.whole.buffers) - 1

    def operator(
        self,
        code: int,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        *,
        version: int = 1,
        custom: tuple[str, bytes] | None = None,
    ) -> None:
        """Add an operator. options: those of a built-in one; custom: name and options of another one."""
        added = schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=version)
        operator = schema.OperatorT(inputs=list(inputs), outputs=list(outputs))
        if custom:
            added.customCode = custom[0].encode()
            operator.customOptions = np.frombuffer(custom[1], np.uint8)
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        operator.opcodeIndex = len(self.whole.operatorCodes)
        self.whole.operatorCodes.append(added)
        self.graph.operators.append(operator)

    def finish(self, outputs: Mapping[str, int], key: str = "serving_default") -> None:
        """Make tensors the outputs, in this order, and name them and the only input in the signature."""
        self.graph.outputs = list(outputs.values())
        (given,) = self.graph.inputs
        signature = schema.SignatureDefT(signatureKey=key.encode(), subgraphIndex=0)
        signature.inputs = [schema.TensorMapT(name=b"image", tensorIndex=given)]
        signature.outputs = [
            schema.TensorMapT(name=name.encode(), tensorIndex=index) for name, index in outputs.items()
        ]
        self.whole.signatureDefs = [signature]

    def describe(self, name: str, content: bytes) -> None:
        """Add an entry to the model's metadata."""
        entry = schema.MetadataT(name=name.encode(), buffer=self.buffer(np.frombuffer(content, np.uint8)))
        self.whole.metadata = [*(self.whole.metadata or []), entry]


def _aligned(buffer: schema.BufferT) -> schema.BufferT:
    return _AlignedBuffer(data=buffer.data)

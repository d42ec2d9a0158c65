"""A TFLite file read back from its bytes, without an interpreter."""

from ai_edge_litert import schema_py_generated as schema

from boxwright.runtimes import tflite

_OPERATIONS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


def read(content: bytes) -> schema.ModelT:
    """The model in a file's content."""
    return schema.ModelT.InitFromPackedBuf(content)


def kinds(model: schema.ModelT) -> list[str]:
    """The names of its operations, in their order."""
    codes = [
        code.customCode.decode() if code.customCode else _OPERATIONS[code.builtinCode] for code in model.operatorCodes
    ]
    return [codes[operator.opcodeIndex] for operator in model.subgraphs[0].operators]


def is_int8_of_fixed_shape(content: bytes) -> None:
    """Whether every operation before the suppression gives int8, no shape is left open, and pixels are the input."""
    model = read(content)
    graph = model.subgraphs[0]
    names = kinds(model)
    network = graph.operators[: names.index("TOPK_V2")]
    integers = {schema.TensorType.INT8, schema.TensorType.INT32, schema.TensorType.UINT8}
    others = {
        name
        for name, operator in zip(names, network, strict=False)
        if not {graph.tensors[index].type for index in [*operator.inputs, *operator.outputs]} <= integers
    }
    assert len(network) > 20 and not others, f"in float: {others}"
    # Biases and shapes are int32, the image is uint8; every result is int8.
    results = [graph.tensors[index] for operator in network for index in operator.outputs]
    assert {tensor.type for tensor in results} == {schema.TensorType.INT8}
    for tensor in graph.tensors:
        assert all(side > 0 for side in (tensor.shape if tensor.shape is not None else []))
        assert tensor.shapeSignature is None or all(side > 0 for side in tensor.shapeSignature)
    given = graph.tensors[graph.inputs[0]]
    assert given.type == schema.TensorType.UINT8
    # The numbers of the input are the pixels themselves, however they are normalised.
    said = tflite.read_input(content)
    assert abs(given.quantization.scale[0] * said.std[0] - 1) < 1e-3
    assert abs(given.quantization.zeroPoint[0] - said.mean[0]) <= 0.5

"""An ONNX model in OpenVINO's own format: equal scores in ONNX's order, and names that depend on nothing else."""

from pathlib import Path
from typing import Any

from boxwright.core.openvino import openvino


def converted(source: str | bytes) -> Any:
    """OpenVINO's model of the ONNX model that `source` is, or that lies there."""
    model = openvino.Core().read_model(source)
    for number, operation in enumerate(model.get_ordered_ops()):
        kind = operation.get_type_name()
        if kind == "TopK":
            # Of equal values ONNX takes the first, and OpenVINO any, unless it is told to.
            operation.set_attribute("stable", True)
        if kind not in ("Parameter", "Result"):
            # OpenVINO numbers the operations that a process makes, and these numbers are part of their names.
            operation.set_friendly_name(f"{kind}_{number}")
    return model


def write(source: str | Path, target: str | Path, *, float16: bool) -> None:
    """Write the ONNX model `source` as the .xml file `target` and a .bin file beside it.

    float16: whether weights are stored in float16. Equal models give equal bytes.
    """
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(converted(str(source)), str(target), compress_to_fp16=float16)

"""Write an ONNX model in OpenVINO's own format, with names that depend on nothing else."""

from pathlib import Path

from boxwright.core.openvino import openvino


def write(source: str | Path, target: str | Path, *, float16: bool) -> None:
    """Write the ONNX model `source` as the .xml file `target` and a .bin file beside it.

    float16: whether weights are stored in float16. Equal models give equal bytes.
    """
    model = openvino.Core().read_model(str(source))
    # OpenVINO numbers the operations that a process makes, and these numbers are part of their names.
    ends = ("Parameter", "Result")
    for number, operation in enumerate(model.get_ordered_ops()):
        if operation.get_type_name() not in ends:
            operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, str(target), compress_to_fp16=float16)

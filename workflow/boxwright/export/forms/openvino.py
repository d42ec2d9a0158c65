"""The detector as a model of OpenVINO with weights in float32, for Intel's processors."""

from pathlib import Path

from boxwright.export import openvino_model


def write(source: str | Path, target: str | Path) -> None:
    """Write the ONNX model `source` as the .xml file `target`, with a .bin file beside it.

    Its input and outputs are those of the ONNX model. Equal models give equal bytes.
    """
    openvino_model.write(source, target, float16=False)

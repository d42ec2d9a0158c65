"""Run a model of OpenVINO on the CPU, in float32 unless another precision is asked for.

OpenVINO itself computes in bfloat16 where the processor can. That is faster, and moves boxes and scores by a hundredth.
"""

from pathlib import Path

import numpy as np

from boxwright.core.openvino import openvino
from boxwright.runtimes import Detect


def load(path: str | Path, threads: int | None = None, precision: str | None = "f32") -> Detect:
    """The model of an .xml file (its .bin lies beside it), ready to call.

    threads: of one image, None for OpenVINO's choice. precision: `f32`, `bf16` or `f16`; None for OpenVINO's choice.
    """
    hints = {"PERFORMANCE_HINT": "LATENCY"}
    if threads:
        hints["INFERENCE_NUM_THREADS"] = threads
    if precision:
        hints["INFERENCE_PRECISION_HINT"] = precision
    core = openvino.Core()
    read = core.read_model(str(path))
    # Compiled, some outputs have further names.
    names = [output.get_any_name() for output in read.outputs]
    model = core.compile_model(read, "CPU", hints)

    def detect(images: np.ndarray) -> dict[str, np.ndarray]:
        found = model([images])
        return {name: found[name] for name in names}

    return detect

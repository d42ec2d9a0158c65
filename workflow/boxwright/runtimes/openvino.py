"""Run a model of OpenVINO on the CPU, in float32 unless another precision is asked for.

OpenVINO itself computes in bfloat16 where the processor can. That is faster, and moves boxes and scores by a hundredth.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.core.openvino import openvino
from boxwright.runtimes import Detect


def load(path: str | Path, threads: int | None = None, precision: str | None = "f32") -> Detect:
    """The model of an .xml file (its .bin lies beside it), ready to call.

    threads: of one image, None for OpenVINO's choice. precision: `f32`, `bf16` or `f16`; None for OpenVINO's choice.
    """
    # A thread that is tied to a processor waits whenever another program, or another runtime's waiting loop, is there.
    hints: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
    if threads:
        hints["INFERENCE_NUM_THREADS"] = threads
    if precision:
        hints["INFERENCE_PRECISION_HINT"] = precision
    core = openvino.Core()
    read = core.read_model(str(path))
    # Compiled, some outputs have further names.
    names = [output.get_any_name() for output in read.outputs]

    @functools.cache
    def compiled(single: bool) -> Any:
        """For one image at a time, or for any number: with a known one, less is left to decide at each call."""
        model = read.clone()
        if single:
            shape = model.input(0).get_partial_shape()
            shape[0] = 1
            model.reshape(shape)
        return core.compile_model(model, "CPU", hints)

    def detect(images: np.ndarray) -> dict[str, np.ndarray]:
        found = compiled(len(images) == 1)([images])
        return {name: found[name] for name in names}

    compiled(True)
    return detect

"""Run an ONNX model with ONNX Runtime, on the CPU."""

from pathlib import Path

import numpy as np
import onnxruntime

from boxwright.runtimes import Detect


def load(path: str | Path, threads: int | None = None) -> Detect:
    """The model in a file, ready to call, with `threads` inside one operation (default: ONNX Runtime's choice)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given, *others = (one.name for one in session.get_inputs())
    if others:
        raise ValueError(f"it has {len(others) + 1} inputs ({', '.join([given, *others])}), and a detector has one")
    names = [one.name for one in session.get_outputs()]

    def detect(images: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, {given: images}), strict=True))

    return detect

"""Run a TFLite file with LiteRT, as programs on phones and small computers do."""

import json
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from boxwright.core.processes import processors
from boxwright.runtimes.resizing import Input, to_image

# What the model's file calls our own entry among its metadata: how it takes an image (`resizing.Input`), as JSON.
INPUT = "boxwright_input"


def load(path: str | Path, threads: int | None = None) -> "TFLite":
    """The model in a file, ready to call, with `threads` (default: one for each processor of this process)."""
    return TFLite(path, threads)


def read_input(model: bytes) -> Input:
    """How a model takes an image. Raises ValueError if its file does not say so."""
    root = schema.Model.GetRootAsModel(model, 0)
    for position in range(root.MetadataLength()):
        entry = root.Metadata(position)
        if entry.Name().decode() == INPUT:
            data = root.Buffers(entry.Buffer()).DataAsNumpy()
            return Input.of(json.loads(data.tobytes()))
    raise ValueError(f"its metadata have no {INPUT}, which says how it takes an image; boxwright writes such files")


class TFLite:
    """A model with TFLite_Detection_PostProcess; see `runtimes.Detect` for how it is called."""

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        model = Path(path).read_bytes()
        self._input = read_input(model)
        self._interpreter = Interpreter(model_content=model, num_threads=threads or processors())
        self._interpreter.allocate_tensors()
        (self._given,) = self._interpreter.get_input_details()
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        found = [self._detect(image) for image in images]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _detect(self, image: np.ndarray) -> dict[str, np.ndarray]:
        whole = self._given["dtype"] == np.uint8
        taken = self._input.pixels(image) if whole else self._input.normalized(image)
        self._interpreter.set_tensor(self._given["index"], taken[np.newaxis])
        self._interpreter.invoke()
        boxes, classes, scores, count = (self._interpreter.get_tensor(index)[0] for index in self._outputs)
        boxes = to_image(boxes, self._input, *image.shape[:2])
        # Rows after the last detection hold anything.
        real = np.arange(len(scores)) < int(count)
        # A box outside the image is none, as in the OD API.
        real &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        order = np.argsort(~real, kind="stable")
        boxes, classes, scores = (
            np.where(real.reshape(-1, *[1] * (rows.ndim - 1)), rows, 0)[order] for rows in (boxes, classes + 1, scores)
        )
        return {
            "detection_boxes": boxes.astype(np.float32),
            "detection_scores": scores.astype(np.float32),
            "detection_classes": classes.astype(np.float32),
            "num_detections": np.float32(real.sum()),
        }

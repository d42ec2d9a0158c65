"""What is compared of the image resizers: shapes exactly, corners and centers of the results, their mean and spread."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from golden_case import Check, equal, picture, worst

from boxwright.pipeline import parts, text

# Of 255.
VALUES = 1e-3
SIDE = 8


def checks(folder: Path, golden: dict) -> Iterator[Check]:
    """Every check of a folder of resizers."""
    outputs = np.load(folder / "outputs.npz")
    for case in golden["cases"]:
        key, image = case["key"], case["image"]
        resizer = parts.make(text.parse(case["resizer"], key, kind="ImageResizer"))
        resized, shape = (value.numpy() for value in resizer.resize(picture(image["seed"], image["H"], image["W"])))
        yield equal(f"{key} shape", resized.shape, case["out_shape"])
        yield equal(f"{key} true shape", shape, case["true_shape"])
        yield Check(f"{key} mean", abs(float(resized.mean()) - case["mean"]) / 255, VALUES, "of 255")
        yield Check(f"{key} std", abs(float(resized.std()) - case["std"]) / 255, VALUES, "of 255")
        errors = {}
        for corner, patch in _patches(resized, shape):
            recorded = outputs[f"{key}_{corner}"]
            errors[corner] = np.abs(patch(recorded.shape) - recorded).max(initial=0)
        yield Check(f"{key} patches", worst(errors)[1] / 255, VALUES, "of 255")


def _patches(resized: np.ndarray, shape: np.ndarray) -> Iterator[tuple]:
    """Name of each recorded patch and a function from the patch's shape to ours."""
    height, width, _ = resized.shape
    yield "tl", lambda size: resized[: size[0], : size[1]]
    yield "tr", lambda size: resized[: size[0], width - size[1] :]
    yield "bl", lambda size: resized[height - size[0] :, : size[1]]
    yield "br", lambda size: resized[height - size[0] :, width - size[1] :]
    yield "mid", lambda size: resized[height // 2 :, width // 2 :][: size[0], : size[1]]
    yield "true_br", lambda size: resized[shape[0] - size[0] : shape[0], shape[1] - size[1] : shape[1]]

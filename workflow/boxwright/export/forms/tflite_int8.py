"""The detector as a TFLite file in int8, for small computers and accelerators such as the Edge TPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from boxwright.export.tflite import file, network


def write(source: str | Path, target: str | Path, images: Sequence[np.ndarray]) -> None:
    """Write the checkpoint with the prefix `source` as a TFLite file, with ranges measured on `images`.

    Its input is the resized image, uint8 [1, height, width, 3]; its outputs are float32, as of `forms.tflite`. All
    operations before the suppression are in int8, with fixed shapes. images: uint8 [H, W, 3], of the training side.
    Equal checkpoints and images give equal bytes.
    """
    loaded = network.load(source, pixels=True)
    file.write(loaded, network.quantize(loaded, images), source, target)


def lossiest(source: str | Path, images: Sequence[np.ndarray], shown: Sequence[np.ndarray]) -> str:
    """The layers of the checkpoint `source`, calibrated with `images`, that lose most on those `shown`, with how much,
    for a message.
    """
    found = network.lossiest(network.load(source, pixels=True), images, shown)
    return ", ".join(f"{name.split(';')[0]} ({loss:.1f} steps)" for name, loss in found)

"""The detector as a TFLite file in float32, for LiteRT on phones and small computers."""

from pathlib import Path

from boxwright.export.tflite import file, network


def write(source: str | Path, target: str | Path) -> None:
    """Write the checkpoint with the prefix `source` as a TFLite file.

    Its input is the resized image, float32 [1, height, width, 3], normalised, or as its pixels where channels are
    normalised differently; its outputs are those of TFLite_Detection_PostProcess, classes from 0. Equal checkpoints
    give equal bytes.
    """
    loaded = network.load(source)
    file.write(loaded, network.convert(loaded), source, target)

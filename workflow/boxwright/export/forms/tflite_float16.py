"""The detector as a TFLite file whose weights have half the bits; it computes in float32, or in float16 on GPUs."""

from pathlib import Path

from boxwright.export.tflite import file, network


def write(source: str | Path, target: str | Path) -> None:
    """Write the checkpoint with the prefix `source` as a TFLite file, as `forms.tflite` does."""
    loaded = network.load(source)
    file.write(loaded, network.convert(loaded, float16=True), source, target)

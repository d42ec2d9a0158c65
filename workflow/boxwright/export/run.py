"""The export of one model: the chosen checkpoint's files, proven equal, in a folder that appears whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright import tfrecord
from boxwright.console import progress
from boxwright.export.freeze import freeze, whole_folder
from boxwright.export.verify import verify
from boxwright.images import loader
from boxwright.records.example import from_example

# Photographs on which the exported forms are compared.
_PROOFS = 8


def run(
    config: Any, prefix: str | Path, label_map: str | Path, records: Sequence[str | Path], folder: str | Path
) -> dict[str, Any]:
    """Export the checkpoint `prefix` into `folder`; see `freeze.freeze` for the files, `verify.verify` for the proof.

    label_map: its file. records: TFRecord files; the proof uses some of their images, spread over all. Returns the
    content of export.json.
    """
    with whole_folder(folder) as temporary:
        progress.say(f"Exporting {prefix}")
        freeze(config, prefix, label_map, temporary)
        report = verify(temporary, proof_images(records))
    largest = max(report["same_detections"].values(), key=lambda one: one["max_score"] + one["max_box"])
    progress.say(
        f"Frozen graph, SavedModel and checkpoint give the same detections on {report['images']} images (largest "
        f"difference: box {largest['max_box']:.1e}, score {largest['max_score']:.1e})."
    )
    progress.conclude(f"{report['bytes']['frozen_graph'] / 1e6:.1f} MB, {report['ms_per_image']:.0f} ms per image here")
    return report


def proof_images(records: Sequence[str | Path]) -> list[np.ndarray]:
    """Some images of the records, spread over all of them."""
    index = tfrecord.Index(records)
    positions = np.unique(np.linspace(0, len(index) - 1, min(_PROOFS, len(index))).round().astype(int))
    return [loader.load_rgb(from_example(index[position]).encoded) for position in positions.tolist()]

"""The detections that every exported form must give: those of the measured checkpoint on a few evaluation images.

They are kept in a file, so that a form can be checked, even years later, without running the engine again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from boxwright import tfrecord
from boxwright.core import files
from boxwright.images import loader
from boxwright.records.example import from_example
from boxwright.runtimes import Detect

# The detections of one image, rows [1, M, ...] with the best first.
Detections = Mapping[str, np.ndarray]

_IMAGES = 8
NAMES = ("detection_boxes", "detection_scores", "detection_classes")


class DrawnImages(Sequence):
    """The images of some records, uint8 [H, W, 3], each decoded when it is asked for."""

    def __init__(self, index: tfrecord.Index, positions: Sequence[int]) -> None:
        self._index, self._positions = index, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, number: int) -> np.ndarray:
        return loader.load_rgb(from_example(self._index[self._positions[number]]).encoded)


def drawn(records: Sequence[str | Path], count: int, seed: int) -> DrawnImages:
    """So many images of some record files (all, if there are fewer), drawn by chance; in their order."""
    index = tfrecord.Index(records)
    positions = np.random.default_rng(seed).permutation(len(index))[:count]
    return DrawnImages(index, np.sort(positions).tolist())


def images(records: Sequence[str | Path]) -> list[np.ndarray]:
    """The images that forms are checked on, uint8 [H, W, 3]: a few from the record files, evenly spread."""
    index = tfrecord.Index(records)
    positions = np.unique(np.linspace(0, len(index) - 1, min(_IMAGES, len(index))).round().astype(int))
    return [loader.load_rgb(from_example(index[position]).encoded) for position in positions.tolist()]


def answers(detect: Detect, images: Sequence[np.ndarray], names: Sequence[str] = NAMES) -> list[dict[str, np.ndarray]]:
    """The detections on each image, run one at a time: boxes [1, M, 4], scores and classes [1, M]; or other outputs."""
    found = (detect(image[np.newaxis]) for image in images)
    return [{name: answer[name] for name in names} for answer in found]


def write(path: str | Path, detections: Sequence[Detections]) -> None:
    """Write the detections on several images to an .npz file, which appears complete or not at all."""
    with files.writing(path) as file:
        np.savez(file, **{name: np.concatenate([one[name] for one in detections]) for name in NAMES})


def read(path: str | Path) -> list[dict[str, np.ndarray]]:
    """The detections that `write` wrote."""
    with np.load(path) as kept:
        tensors = {name: kept[name] for name in NAMES}
    return [{name: tensors[name][[row]] for name in NAMES} for row in range(len(tensors[NAMES[0]]))]

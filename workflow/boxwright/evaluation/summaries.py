"""The TensorBoard output of an evaluation: metrics, precision-recall curves, detections beside the ground truth."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tensorboard.plugins.pr_curve.summary import raw_data_pb

from boxwright.core.files import writing
from boxwright.evaluation.data import Dataset, Detections
from boxwright.images import drawing, loader
from boxwright.records.events import EventWriter
from boxwright.records.example import Record

# The longer side of a picture: sharp enough to judge, small enough to keep for every checkpoint.
_PICTURE_SIDE = 640


class Shown(NamedTuple):
    """How many images TensorBoard shows, the lowest score of shown detections, and the most detections per image."""

    images: int
    score_threshold: float
    most_boxes: int


def write(
    path: str | Path,
    step: int,
    metrics: Mapping[str, float | None],
    curves: Mapping[str, np.ndarray],
    shown: Shown,
    records: Sequence[Record],
    dataset: Dataset,
    detections: Detections,
) -> None:
    """Write the event file of one evaluation.

    metrics: scalars by tag; None values are left out. curves: see `measure.precision_recall`, by class name.
    records, dataset, detections: what was measured, all for the same images; the shown images are spread over them.
    """
    # The event writer is made for live use and writes in place; the file of an evaluation must appear complete.
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / Path(path).name
        with EventWriter(whole) as writer:
            writer.scalars(step, {name: value for name, value in metrics.items() if value is not None})
            for name, curve in curves.items():
                writer.proto(step, raw_data_pb(name, *curve, num_thresholds=curve.shape[1]))
            count = min(shown.images, len(records))
            for number, position in enumerate(spread(len(records), count)):
                sheet = _side_by_side(records[position], position, shown, dataset, detections)
                writer.image(step, f"eval_side_by_side_{number}", sheet)
        with writing(path) as file:
            file.write(whole.read_bytes())


def spread(total: int, count: int) -> list[int]:
    """`count` of the numbers 0 .. `total` - 1, evenly spread, always the same."""
    return np.linspace(0, total - 1, count).round().astype(int).tolist()


def _side_by_side(record: Record, position: int, shown: Shown, dataset: Dataset, found: Detections) -> np.ndarray:
    """One image, uint8 [h, w, 3]: the detections on the left, the ground truth on the right."""
    picture = drawing.shrunk(loader.load_rgb(record.encoded), _PICTURE_SIDE)
    names = dataset.class_names()
    size = (dataset.images.heights[position], dataset.images.widths[position]) * 2
    thickness = max(2, round(max(picture.shape) / 200))
    mine = np.flatnonzero((found.image == position) & (found.scores >= shown.score_threshold))
    mine = mine[np.argsort(-found.scores[mine], kind="stable")][: shown.most_boxes]
    left = drawing.boxes(
        picture,
        found.boxes[mine] / size,
        found.classes[mine].tolist(),
        [f"{names.get(found.classes[row], f'class {found.classes[row]}')} {found.scores[row]:.2f}" for row in mine],
        thickness=thickness,
    )
    true = np.flatnonzero(dataset.truth.image == position)
    right = drawing.boxes(
        picture,
        dataset.truth.boxes[true] / size,
        dataset.truth.classes[true].tolist(),
        [names[number] for number in dataset.truth.classes[true].tolist()],
        thickness=thickness,
    )
    title = f"detections from {shown.score_threshold:g}"
    return drawing.side_by_side(left, right, (title, "ground truth"))

"""Ground truth and detections of an evaluation as flat arrays: what every metric, curve and table reads.

One row is one box; `image` says which image it lies on (an index into `Images`, not a COCO id). Boxes are
`[ymin, xmin, ymax, xmax]` in pixels of the upright decoded image, rounded to 1/1000 pixel. The rounding takes away
what float32 normalised coordinates add (a box 32 pixels high is 32 pixels high again, which decides whether COCO
calls it small), and the files that are written hold just the numbers that the metrics were computed from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from boxwright.errors import UserError

DECIMALS = 3


@dataclass(frozen=True)
class Images:
    """The evaluated images in the order of the records; an image's COCO id is its index + 1.

    `names` are the records' source ids, `heights` and `widths` int64 [I] in pixels.
    """

    names: tuple[str, ...]
    heights: np.ndarray
    widths: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class GroundTruth:
    """Annotated boxes: image int64 [G], boxes float64 [G, 4], classes int64 [G] (ids of the label map, from 1),
    areas float64 [G] in square pixels, crowd bool [G] (COCO's iscrowd), difficult bool [G] (VOC's difficult).
    """

    image: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    difficult: np.ndarray

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class Detections:
    """Detected boxes: image int64 [D], boxes float64 [D, 4], scores float64 [D], classes int64 [D] (from 1).

    Sorted by image; within an image in the detector's order, best score first.
    """

    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class Dataset:
    """What detections are measured against; `label_map` is class name -> id, ids from 1."""

    images: Images
    truth: GroundTruth
    label_map: Mapping[str, int]

    def class_names(self) -> dict[int, str]:
        """Class id -> name, by id."""
        return {number: name for name, number in sorted(self.label_map.items(), key=lambda item: item[1])}

    def boxes_per_class(self) -> dict[int, int]:
        """Class id -> number of its boxes, difficult ones and crowds included; 0 where there is none."""
        ids, counts = np.unique(self.truth.classes, return_counts=True)
        found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
        return {number: found.get(number, 0) for number in self.class_names()}


def pixel_boxes(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Normalised boxes [N, 4] to pixels of an image of this height and width, float64 [N, 4], rounded to 1/1000."""
    scaled = np.asarray(boxes, np.float64).reshape(-1, 4) * (height, width, height, width)
    return np.round(scaled, DECIMALS)


def decimal(values: np.ndarray) -> np.ndarray:
    """Float32 values as the float64 that their shortest decimal text stands for (0.9, not 0.8999999762).

    So a score is the same number here and in a JSON file, without nine digits of which two are noise.
    """
    values = np.asarray(values, np.float32)
    return values.astype(str).astype(np.float64) if values.size else values.astype(np.float64)


@dataclass
class DatasetBuilder:
    """Collects images and their boxes one record at a time, holding no pixels."""

    label_map: Mapping[str, int]
    _names: list[str] = field(default_factory=list)
    _sizes: list[tuple[int, int]] = field(default_factory=list)
    _rows: list[tuple] = field(default_factory=list)
    _unknown: dict[str, str] = field(default_factory=dict)

    def add(self, record) -> None:
        """Add one `records.example.Record`.

        A box's class is its class text where there is one, else its label, as in the OD API. Its area is the
        record's where that is positive (COCO records carry the area of the mask), else width x height.
        """
        index, (height, width) = len(self._names), (record.height, record.width)
        self._names.append(record.source_id)
        self._sizes.append((height, width))
        boxes = pixel_boxes(record.boxes, height, width)
        count = len(boxes)
        if not count:
            return
        classes = self._class_ids(record, count)
        areas = _column(record.area, count, np.float64)
        own = np.round((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), DECIMALS)
        self._rows.append(
            (
                np.full(count, index, np.int64),
                boxes,
                classes,
                np.where(areas > 0, areas, own),
                _column(record.is_crowd, count, bool),
                _column(record.difficult, count, bool),
            )
        )

    def _class_ids(self, record, count: int) -> np.ndarray:
        ids = _column(record.classes, count, np.int64)
        for row, text in enumerate(record.class_text):
            name = text.decode() if isinstance(text, bytes) else text
            if name in self.label_map:
                ids[row] = self.label_map[name]
            elif name:
                self._unknown.setdefault(f"'{name}'", record.source_id)
        known = set(self.label_map.values())
        for number in ids[: 0 if len(record.class_text) else count]:
            if int(number) not in known:
                self._unknown.setdefault(f"number {number}", record.source_id)
        return ids

    def build(self) -> Dataset:
        """The data set. Raises UserError for no image, no box at all, a class that the label map does not have, or two
        images of one name (one of them would be left out without a word)."""
        names = tuple(self._names)
        if not names:
            raise UserError(
                "The evaluation records hold no image, so there is nothing to measure. Give the eval side "
                "of the split some images (dataset.split)."
            )
        if self._unknown:
            what = ", ".join(f"{name} (first in {where})" for name, where in self._unknown.items())
            raise UserError(
                f"The evaluation records name classes that the label map does not have: {what}. It has: "
                f"{', '.join(self.label_map)}. Records and label map must be of one data set."
            )
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1}) if len(names) < 10_000 else []
            raise UserError(
                "Two evaluation records have the same image/source_id"
                f"{': ' + ', '.join(twice[:5]) if twice else ''}; each image must have its own."
            )
        if not self._rows:
            raise UserError(
                f"None of the {len(names)} evaluation images has a box, so no metric is defined. Put images "
                "with objects on the eval side of the split (dataset.split)."
            )
        sizes = np.array(self._sizes, np.int64).reshape(-1, 2)
        columns = [np.concatenate(column) for column in zip(*self._rows, strict=True)]
        return Dataset(Images(names, sizes[:, 0], sizes[:, 1]), GroundTruth(*columns), dict(self.label_map))


def dataset_of(records: Iterable, label_map: Mapping[str, int]) -> Dataset:
    """The data set of an iterable of records (`records.example.Record`), read once."""
    builder = DatasetBuilder(label_map)
    for record in records:
        builder.add(record)
    return builder.build()


def detections_of(per_image: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], images: Images) -> Detections:
    """Detections from one (boxes [N, 4] normalised, scores [N], classes [N] from 1) per image, in the images' order.

    Raises UserError for a box or score that is NaN or infinite, naming the images.
    """
    rows, broken = [], []
    for index, (boxes, scores, classes) in enumerate(per_image):
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            broken.append(images.names[index])
            continue
        height, width = int(images.heights[index]), int(images.widths[index])
        image = np.full(len(scores), index, np.int64)
        rows.append((image, pixel_boxes(boxes, height, width), decimal(scores), np.asarray(classes, np.int64)))
    if broken:
        more = "" if len(broken) <= 5 else f" and {len(broken) - 5} more"
        raise UserError(
            f"The detector gives boxes or scores that are not numbers (NaN or infinite) on {len(broken)} of "
            f"{len(images)} images: {', '.join(broken[:5])}{more}. Its weights are broken, most often by a "
            "training that diverged: take an earlier checkpoint, or train with a lower learning rate."
        )
    if len(rows) != len(images):
        raise ValueError(f"{len(rows)} images have detections, {len(images)} have ground truth")
    return Detections(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def _column(values, count: int, dtype) -> np.ndarray:
    """A per-box column of a record; a record that leaves it out has zeros."""
    values = np.asarray(values)
    return values.astype(dtype) if len(values) == count else np.zeros(count, dtype)

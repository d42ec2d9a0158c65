"""Ground truth and detections of an evaluation as flat arrays, the input of every metric, curve and table.

One row is one box; `image` says which image it lies on (an index into `Images`, not a COCO id). Boxes are
`[ymin, xmin, ymax, xmax]` in pixels of the upright decoded image, rounded to 1/1000 pixel. The rounding removes the
error of normalised float32 coordinates (a box 32 pixels high is 32 pixels high again, which decides whether COCO calls
it small), and so the written files hold exactly the numbers that the metrics were computed from.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from boxwright import tfrecord
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural, without_a_box
from boxwright.records.example import ANY_CLASS, Record, from_example

DECIMALS = 3
# Images whose boxes are joined to one array at a time while a data set is read.
_JOINED = 1000


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
class AnnotatedBoxes:
    """Annotated boxes: image int64 [G], boxes float64 [G, 4], classes int64 [G] (ids of the label map, from 1),
    areas float64 [G] in square pixels, crowd bool [G] (COCO's iscrowd), difficult bool [G] (VOC's difficult).

    Ignore regions are crowds. One where an object of any class may be is a crowd of each class.
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

    def where(self, chosen: np.ndarray) -> "Detections":
        """The detections that `chosen` (bool [D]) keeps."""
        return Detections(self.image[chosen], self.boxes[chosen], self.scores[chosen], self.classes[chosen])


@dataclass(frozen=True)
class Dataset:
    """What detections are measured against; `label_map` is class name -> id, ids from 1."""

    images: Images
    truth: AnnotatedBoxes
    label_map: Mapping[str, int]

    @property
    def objects(self) -> int:
        """How many boxes are objects to find: all but crowds, and so but ignore regions."""
        return int(np.count_nonzero(~self.truth.crowd))

    def class_names(self) -> dict[int, str]:
        """Class id -> name, by id."""
        return {number: name for name, number in sorted(self.label_map.items(), key=lambda item: item[1])}

    def boxes_per_class(self) -> dict[int, int]:
        """Class id -> number of its boxes, difficult ones and crowds included; 0 where there is none."""
        ids, counts = np.unique(self.truth.classes, return_counts=True)
        found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
        return {number: found.get(number, 0) for number in self.class_names()}


class Records(Sequence):
    """The records of some TFRecord files by their position, each read on access."""

    def __init__(self, paths: Sequence[str | Path]):
        self._index = tfrecord.Index(paths)

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, position: int) -> Record:
        return from_example(self._index[position])


class Subset(Sequence):
    """Some of the records of another sequence, by their positions there, each read on access."""

    def __init__(self, records: Sequence[Record], positions: Sequence[int]):
        self._records, self._positions = records, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, position: int) -> Record:
        return self._records[self._positions[position]]


def pixel_boxes(boxes: np.ndarray, height: int | np.ndarray, width: int | np.ndarray) -> np.ndarray:
    """Normalised boxes [N, 4] to pixels, float64 [N, 4], rounded to 1/1000.

    `height` and `width` are the size of the image, or of each box's image, [N].
    """
    scale = np.stack([height, width, height, width], axis=-1)
    return np.round(np.asarray(boxes, np.float64).reshape(-1, 4) * scale, DECIMALS)


def xywh(boxes: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] as COCO writes them, [x, y, width, height], float64 [N, 4], rounded to 1/1000 pixel."""
    ymin, xmin, ymax, xmax = boxes.T
    return np.round(np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1), DECIMALS)


def decimal(values: np.ndarray) -> np.ndarray:
    """Float32 values as the float64 that their shortest decimal text stands for (0.9, not 0.8999999762).

    So a score is the same number here and in a JSON file, without digits that are only noise.
    """
    values = np.asarray(values, np.float32)
    return values.astype(str).astype(np.float64) if values.size else values.astype(np.float64)


class Answer(NamedTuple):
    """The detections on one image: boxes float32 [N, 4] normalised, scores float32 [N], best first, classes int64 [N].

    Classes count from 1. `finite` is whether all outputs of the network were finite, including those of suppressed
    boxes (suppression drops a box that is NaN without a warning).
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    finite: bool = True


def dataset_of(records: Iterable[Record], label_map: Mapping[str, int], side: str = "evaluation") -> Dataset:
    """The data set of some records, read once; no pixels are kept. `side` is the name of the records in messages.

    A box's class is its class text if it has one, else its label, as in the OD API. Its area is the record's if that is
    positive (COCO records have the area of the mask), else width x height.

    Raises UserError if there is no image or no box at all, if a class is not in the label map, if two images have the
    same name (one of them would be ignored without a warning), or if an image's size is missing.
    """
    names: list[str] = []
    sizes: list[tuple[int, int]] = []
    rows: list[tuple] = []
    blocks: list[tuple[np.ndarray, ...]] = []
    unknown: dict[str, str] = {}
    known = set(label_map.values())
    for record in records:
        ids = [label_map.get(text, number) for text, number in zip(record.class_text, record.classes, strict=True)]
        any_class = record.is_crowd & (np.asarray(ids, np.int64) == ANY_CLASS)
        for text, number, ignored in zip(record.class_text, ids, any_class, strict=True):
            if not ignored and text not in label_map and (text or number not in known):
                unknown.setdefault(f"'{text}'" if text else f"number {number}", record.source_id)
        names.append(record.source_id)
        sizes.append((record.height, record.width))
        row = (record.boxes, ids, record.area, record.is_crowd, record.difficult)
        rows.append(_for_each_class(row, any_class, sorted(known)) if any_class.any() else row)
        if len(rows) == _JOINED:
            blocks.append(_block(rows, sizes[-_JOINED:], len(names) - _JOINED))
            rows = []
    if rows:
        blocks.append(_block(rows, sizes[-len(rows) :], len(names) - len(rows)))
    _check(names, sizes, unknown, label_map, side, boxes=sum(len(block[0]) for block in blocks))
    heights, widths = np.array(sizes, np.int64).T
    truth = AnnotatedBoxes(*map(np.concatenate, zip(*blocks, strict=True)))
    return Dataset(Images(tuple(names), heights, widths), truth, dict(label_map))


def _for_each_class(row: tuple, any_class: np.ndarray, classes: Sequence[int]) -> tuple:
    """A row as `dataset_of` collects it, with the regions `any_class` (bool [N]) repeated for each of the classes."""
    boxes, ids, *others = row
    index = np.repeat(np.arange(len(ids)), np.where(any_class, len(classes), 1))
    ids = np.asarray(ids, np.int64)[index]
    ids[any_class[index]] = np.tile(classes, np.count_nonzero(any_class))
    return boxes[index], ids, *(column[index] for column in others)


def _block(rows: Sequence[tuple], sizes: Sequence[tuple[int, int]], first: int) -> tuple[np.ndarray, ...]:
    """The columns of `AnnotatedBoxes` for some images.

    rows: as `dataset_of` collects them; sizes: (height, width) of each; first: the index of the first. Image by image,
    this would take four times as long, and each small array would need a hundred bytes besides its data.
    """
    counts = [len(row[0]) for row in rows]
    boxes, ids, areas, crowd, difficult = map(np.concatenate, zip(*rows, strict=True))
    boxes = pixel_boxes(boxes, *np.repeat(np.array(sizes, np.int64), counts, axis=0).T)
    own = np.round((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), DECIMALS)
    image = np.repeat(np.arange(first, first + len(rows)), counts)
    return image, boxes, ids.astype(np.int64), np.where(areas > 0, areas, own), crowd, difficult


def _check(
    names: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    unknown: Mapping[str, str],
    label_map: Mapping[str, int],
    side: str,
    boxes: int,
) -> None:
    """Raise UserError for records that `dataset_of` rejects; `unknown` maps a class to the first image that has it."""
    if not names:
        raise UserError(
            "The evaluation records hold no image, so there is nothing to measure. Give the eval side of the split "
            "some images (dataset.split)."
        )
    if unknown:
        what = ", ".join(f"{name} (first in {where})" for name, where in unknown.items())
        raise UserError(
            f"The {side} records name classes that the label map does not have: {what}. It has: "
            f"{', '.join(label_map)}. Records and label map must belong to the same data set."
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(
            f"More than one {side} record has the image/source_id {few(twice, 5)}. "
            "Each image must have its own value; otherwise images cannot be told apart."
        )
    flat = [name for name, size in zip(names, sizes, strict=True) if min(size) < 1]
    if flat:
        raise UserError(
            f"{plural(len(flat), f'{side} record')} {'has' if len(flat) == 1 else 'have'} no size of the image "
            f"(image/height, image/width): {few(flat, 5)}. Write them again with the size in pixels."
        )
    if not boxes:
        raise UserError(
            f"{without_a_box(len(names), 'evaluation image')}, so no metric is defined. Put images with objects on the "
            "eval side of the split (dataset.split)."
        )


def check_classes(classes: int, label_map: Mapping[str, int]) -> None:
    """Raise UserError if the label map has a class number beyond the model's number of `classes`."""
    beyond = [f"{name} ({number})" for name, number in label_map.items() if not 1 <= number <= classes]
    if beyond:
        raise UserError(
            f"The model has {plural(classes, 'class', 'classes')}, so it cannot detect: {', '.join(beyond)}. "
            "num_classes in pipeline.config and the label map must belong to the same data set."
        )


def detections_of(answers: Iterable[Answer], images: Images) -> Detections:
    """Detections from one answer per image, in the images' order.

    Raises UserError, with the names of the images, if answers contain NaN or infinite numbers.
    """
    rows: list[tuple[np.ndarray, ...]] = []
    broken: list[str] = []
    for index, (boxes, scores, classes, finite) in enumerate(answers):
        if not finite:
            broken.append(images.names[index])
            continue
        height, width = int(images.heights[index]), int(images.widths[index])
        image = np.full(len(scores), index, np.int64)
        rows.append((image, pixel_boxes(boxes, height, width), decimal(scores), np.asarray(classes, np.int64)))
    if broken:
        raise UserError(
            f"The detector gives boxes or scores that are not numbers (NaN or infinite) on {len(broken)} of "
            f"{plural(len(images), 'image')}: {few(broken, 5)}. Its weights are broken, usually because the "
            "training diverged: take an earlier checkpoint, or train with a lower learning rate."
        )
    if len(rows) != len(images):
        raise ValueError(f"{len(rows)} images have detections, {len(images)} have ground truth")
    return Detections(*(np.concatenate(column) for column in zip(*rows, strict=True)))

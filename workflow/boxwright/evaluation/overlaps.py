"""Overlaps of detections and annotated boxes, and which box each detection found, by COCO's rule at one IoU.

Confusion, error types, curves and the interval are all based on this module, so their counts agree with each other and
with COCO's numbers.
"""

from typing import NamedTuple

import numpy as np

from boxwright.evaluation.data import AnnotatedBoxes, Detections, xywh

# From this IoU on an object counts as found, wherever a single threshold is used.
IOU_THRESHOLD = 0.5
# COCO considers no more detections than this of one class in one image.
MOST_PER_IMAGE = 100
# Pairs processed at once: this limits the memory, whatever the number of images.
_BLOCK = 1_000_000


class Pairs(NamedTuple):
    """A detection and an annotated box of the same image that overlap, whatever their classes.

    `detection` and `truth` int64 [P] are rows; `overlap` float64 [P] is their IoU, or for a crowd the share of the
    detection that lies on it, as in COCO.
    """

    detection: np.ndarray
    truth: np.ndarray
    overlap: np.ndarray

    def where(self, chosen: np.ndarray) -> "Pairs":
        """The pairs that `chosen` (bool [P]) keeps."""
        return Pairs(*(column[chosen] for column in self))


class Matches(NamedTuple):
    """Which box each detection found, and which detections count.

    `found` int64 [D]: the annotated box that each detection found, -1 for none. `counts` bool [D]: whether the
    detection is right or wrong at all; one on a crowd is neither, and neither is one beyond the 100 best of its image
    and class.
    """

    found: np.ndarray
    counts: np.ndarray

    @property
    def right(self) -> np.ndarray:
        return self.found >= 0

    @property
    def wrong(self) -> np.ndarray:
        return self.counts & (self.found < 0)

    def missed(self, truth: AnnotatedBoxes, among: np.ndarray) -> np.ndarray:
        """bool [G]: the boxes, crowds left out, that none of the detections `among` (bool [D]) found."""
        missed = ~truth.crowd
        missed[self.found[among & self.right]] = False
        return missed


def overlapping(truth: AnnotatedBoxes, detections: Detections, at_least: float) -> Pairs:
    """All pairs that overlap by `at_least` (above 0) or more, by detection, then by annotated box."""
    order = np.argsort(truth.image, kind="stable")
    images = truth.image[order]
    first = np.searchsorted(images, detections.image, side="left")
    count = np.searchsorted(images, detections.image, side="right") - first
    blocks = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    block = np.cumsum(count) // _BLOCK
    edges = np.searchsorted(block, np.arange(block.max(initial=-1) + 2))
    for here in map(slice, edges[:-1], edges[1:]):
        row = np.repeat(np.arange(len(detections))[here], count[here])
        within = np.arange(len(row)) - np.repeat(np.cumsum(count[here]) - count[here], count[here])
        candidate = order[np.repeat(first[here], count[here]) + within]
        pairs = Pairs(row, candidate, _overlap(truth, detections, row, candidate))
        blocks.append(pairs.where(pairs.overlap >= at_least))
    return Pairs(*map(np.concatenate, zip(*blocks, strict=True)))


def match(truth: AnnotatedBoxes, detections: Detections, pairs: Pairs) -> Matches:
    """COCO's matching at `IOU_THRESHOLD`: best score first, each takes the free box of its class that it overlaps most.

    `pairs` must hold all overlaps from `IOU_THRESHOLD` on. If scores are equal, the earlier detection comes first; if
    overlaps are equal, the later box is taken.
    """
    rank = np.empty(len(detections), np.int64)
    rank[np.argsort(-detections.scores, kind="stable")] = np.arange(len(detections))
    looked_at = _place(detections, rank) < MOST_PER_IMAGE
    same = truth.classes[pairs.truth] == detections.classes[pairs.detection]
    pairs = pairs.where(same & (pairs.overlap >= IOU_THRESHOLD) & looked_at[pairs.detection])
    crowd = truth.crowd[pairs.truth]
    found = take(len(detections), pairs.where(~crowd), rank)
    counts = looked_at
    on_crowd = pairs.detection[crowd]
    counts[on_crowd[found[on_crowd] < 0]] = False
    return Matches(found, counts)


def that_matter(truth: AnnotatedBoxes, detections: Detections, pairs: Pairs) -> np.ndarray:
    """bool [D]: the detections that COCO's numbers depend on, often the smaller part.

    For each class, these are the detections down to the lowest score of one that is on an object of the class (IoU 0.5,
    COCO's lowest): below that score recall no longer rises, and precision is read where recall rises. `pairs` must hold
    all overlaps from that IoU on.
    """
    same = truth.classes[pairs.truth] == detections.classes[pairs.detection]
    on_object = pairs.detection[same & (pairs.overlap >= IOU_THRESHOLD)]
    lowest = np.full(detections.classes.max(initial=0) + 1, np.inf)
    np.minimum.at(lowest, detections.classes[on_object], detections.scores[on_object])
    return detections.scores >= lowest[detections.classes]


def take(count: int, pairs: Pairs, rank: np.ndarray) -> np.ndarray:
    """int64 [count]: the box that each of `count` detections takes, in the order of `rank`, each box once; else -1."""
    order = np.lexsort((-pairs.truth, -pairs.overlap, rank[pairs.detection]))
    found = np.full(count, -1, np.int64)
    taken: set[int] = set()
    done = -1
    for detection, box in zip(pairs.detection[order].tolist(), pairs.truth[order].tolist(), strict=True):
        if detection != done and box not in taken:
            taken.add(box)
            found[detection] = box
            done = detection
    return found


def best(count: int, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """The largest overlap of each of `count` detections, float64 (0 for none), and its box, int64 (-1 for none)."""
    order = np.lexsort((pairs.truth, -pairs.overlap, pairs.detection))
    detection, at = np.unique(pairs.detection[order], return_index=True)
    overlap, box = np.zeros(count), np.full(count, -1, np.int64)
    overlap[detection], box[detection] = pairs.overlap[order][at], pairs.truth[order][at]
    return overlap, box


def _place(detections: Detections, rank: np.ndarray) -> np.ndarray:
    """int64 [D]: how many detections of the same image and class come before each one."""
    order = np.lexsort((rank, detections.classes, detections.image))
    keys = np.stack([detections.image[order], detections.classes[order]])
    new = np.any(keys[:, 1:] != keys[:, :-1], axis=0)
    starts = np.maximum.accumulate(np.concatenate([[0], np.where(new, np.arange(1, len(order)), 0)])[: len(order)])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - starts
    return place


def _overlap(truth: AnnotatedBoxes, detections: Detections, row: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """float64 [P]: the overlaps of the detections `row` with the annotated boxes `candidate`, as in `Pairs`."""
    # From the numbers in COCO's files, so that an overlap at the threshold falls on the same side as in COCO's tools.
    (x, y, wide, high), (x_t, y_t, wide_t, high_t) = xywh(detections.boxes).T, xywh(truth.boxes).T
    area, area_t = wide * high, wide_t * high_t
    shared_x = np.minimum((x + wide)[row], (x_t + wide_t)[candidate]) - np.maximum(x[row], x_t[candidate])
    shared_y = np.minimum((y + high)[row], (y_t + high_t)[candidate]) - np.maximum(y[row], y_t[candidate])
    shared = np.maximum(shared_x, 0.0) * np.maximum(shared_y, 0.0)
    whole = np.where(truth.crowd[candidate], area[row], area[row] + area_t[candidate] - shared)
    return np.divide(shared, whole, out=np.zeros_like(whole), where=whole > 0)

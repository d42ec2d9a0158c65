"""The kind of mistake of each wrong detection, and how much mAP correcting each kind would gain.

The six kinds of Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020, at IoU 0.5
for "found" and 0.1 for "near":

- localisation: near an object of its class, but not on it
- classification: on an object of another class
- duplicate: on an object of its class that a better detection has already found
- background: near no object
- both: near an object, but of another class and not on it
- missed: an object that was not found, and to which no detection of the first two kinds belongs

Each kind is corrected on its own. Of the detections of the first two kinds, the best one for each object that was not
found becomes right and the others are removed; detections of the next three kinds are removed; missed objects no longer
have to be found.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.overlaps import IOU_THRESHOLD, Matches, Pairs, best
from boxwright.evaluation.ranking import Ranking, ranked

KINDS = ("classification", "localisation", "both", "duplicate", "background", "missed")
NEAR = 0.1


class Mistakes(NamedTuple):
    """The kind of mistake of each detection, and the missed boxes.

    `kind` int64 [D] is an index into `KINDS`, or -1 if a detection is not wrong or not considered. `box` int64 [D] is
    the annotated box that a detection of the kinds classification and localisation belongs to, else -1. `missed` is
    bool [G].
    """

    kind: np.ndarray
    box: np.ndarray
    missed: np.ndarray

    def counts(self) -> dict[str, int]:
        """Kind -> number of mistakes."""
        of_detections = np.bincount(self.kind[self.kind >= 0], minlength=len(KINDS)).tolist()
        return dict(zip(KINDS, of_detections, strict=True)) | {"missed": int(self.missed.sum())}


def mistakes(dataset: Dataset, detections: Detections, pairs: Pairs, matches: Matches, among: np.ndarray) -> Mistakes:
    """The mistakes of the detections `among` (bool [D]); `pairs` must hold all overlaps from `NEAR` on."""
    truth = dataset.truth
    wrong = matches.wrong & among
    pairs = pairs.where(wrong[pairs.detection] & ~truth.crowd[pairs.truth])
    same = truth.classes[pairs.truth] == detections.classes[pairs.detection]
    own, own_box = best(len(detections), pairs.where(same))
    other, other_box = best(len(detections), pairs.where(~same))
    # The first case that holds.
    cases = {
        "localisation": (own >= NEAR) & (own < IOU_THRESHOLD),
        "classification": other >= IOU_THRESHOLD,
        "duplicate": own >= IOU_THRESHOLD,
        "background": np.maximum(own, other) < NEAR,
    }
    kinds = [KINDS.index(name) for name in cases]
    kind = np.where(wrong, np.select(list(cases.values()), kinds, KINDS.index("both")), -1)
    of = {name: kind == KINDS.index(name) for name in ("localisation", "classification")}
    box = np.select([of["localisation"], of["classification"]], [own_box, other_box], -1)
    missed = matches.missed(truth, among)
    missed[box[box >= 0]] = False
    return Mistakes(kind, box, missed)


def costs(
    dataset: Dataset,
    detections: Detections,
    matches: Matches,
    found: Mistakes,
    rankings: Mapping[int, Ranking],
) -> dict[str, float | None]:
    """Kind -> mAP (at IoU 0.5) that correcting it would gain; `found` must be the mistakes of all detections.

    Every value is None if there is no box to find, because then there is no mAP.
    """
    before = {number: ranking.average_precision for number, ranking in rankings.items() if ranking.objects}
    if not before:
        return dict.fromkeys(KINDS)
    gains = {}
    for index, kind in enumerate(KINDS):
        after = _mended(dataset, detections, matches, found, rankings, index)
        gains[kind] = float(np.mean([after[number] - value for number, value in before.items()]))
    return gains


def _mended(
    dataset: Dataset,
    detections: Detections,
    matches: Matches,
    found: Mistakes,
    rankings: Mapping[int, Ranking],
    index: int,
) -> dict[int, float]:
    """Class id -> average precision without the mistakes of the kind `KINDS[index]`."""
    missed = np.zeros(max(rankings) + 1, np.int64)
    if KINDS[index] == "missed":
        missed = np.bincount(dataset.truth.classes[found.missed], minlength=len(missed))
    concerned = found.kind == index
    counts, right, classes = matches.counts & ~concerned, matches.right.copy(), detections.classes.copy()
    rows = np.flatnonzero(concerned & (found.box >= 0))
    rows = rows[np.argsort(-detections.scores[rows], kind="stable")]
    boxes, first = np.unique(found.box[rows], return_index=True)
    free = ~np.isin(boxes, matches.found)
    rows, boxes = rows[first[free]], boxes[free]
    counts[rows], right[rows], classes[rows] = True, True, dataset.truth.classes[boxes]
    mended = {}
    for number, order in ranked(dataset, classes, detections.scores, counts):
        objects = rankings[number].objects - int(missed[number])
        value = Ranking(order, right[order], objects).average_precision
        # A class without objects left to find counts as found completely.
        mended[number] = 1.0 if value is None else value
    return mended

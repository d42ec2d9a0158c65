"""What kind of mistake each wrong detection is, and how much mAP mending each kind would gain.

The six kinds of Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020, at IoU 0.5
for "found" and 0.1 for "near":

- localisation: near an object of its class, but not on it
- classification: on an object of another class
- duplicate: on an object of its class that a better detection has found
- background: near no object
- both: near an object, but of another class and not on it
- missed: an object that was not found, and not by a detection of the first two kinds either

Each kind is mended alone: a detection of the first two kinds becomes right (the best one of each object, if the object
was not found; the others go), those of the next three go, and missed objects need not be found any more.
"""

from collections.abc import Mapping

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.overlaps import Matches, Pairs, best
from boxwright.evaluation.ranking import Ranking, ranked

KINDS = ("classification", "localisation", "both", "duplicate", "background", "missed")
NEAR, ON = 0.1, 0.5


class Mistakes:
    """The kind of every wrong detection among some.

    `kind` int64 [D] is an index into `KINDS`, -1 for what is not wrong or not among them. `box` int64 [D] is the
    annotated box that a detection of the kinds classification and localisation belongs to, else -1. `missed` bool [G].
    """

    def __init__(
        self, dataset: Dataset, detections: Detections, pairs: Pairs, matches: Matches, among: np.ndarray
    ) -> None:
        """`pairs` must hold all overlaps of `NEAR` and more; `among` bool [D] says which detections are looked at."""
        truth = dataset.truth
        wrong = matches.wrong & among
        pairs = pairs.where(wrong[pairs.detection] & ~truth.crowd[pairs.truth])
        same = truth.classes[pairs.truth] == detections.classes[pairs.detection]
        own, own_box = best(len(detections), pairs.where(same))
        other, other_box = best(len(detections), pairs.where(~same))
        cases = {
            "localisation": (own >= NEAR) & (own < ON),
            "classification": other >= ON,
            "duplicate": own >= ON,
            "background": np.maximum(own, other) < NEAR,
        }
        kinds = [KINDS.index(name) for name in cases]
        self.kind = np.where(wrong, np.select(list(cases.values()), kinds, KINDS.index("both")), -1)
        self.box = np.select(
            [self.kind == KINDS.index("localisation"), self.kind == KINDS.index("classification")],
            [own_box, other_box],
            -1,
        )
        self.missed = matches.missed(truth, among)
        self.missed[self.box[self.box >= 0]] = False

    def counts(self) -> dict[str, int]:
        """Kind -> how many."""
        of_detections = np.bincount(self.kind[self.kind >= 0], minlength=len(KINDS)).tolist()
        return dict(zip(KINDS, of_detections, strict=True)) | {"missed": int(self.missed.sum())}


def costs(
    dataset: Dataset,
    detections: Detections,
    matches: Matches,
    mistakes: Mistakes,
    rankings: Mapping[int, Ranking],
) -> dict[str, float | None]:
    """Kind -> mAP (at IoU 0.5) that mending it would gain; `mistakes` must be those of all detections.

    None for each where there is no box to find, so no mAP either.
    """
    before = {number: ranking.average_precision for number, ranking in rankings.items() if ranking.objects}
    if not before:
        return dict.fromkeys(KINDS)
    gains = {}
    for index, kind in enumerate(KINDS):
        after = _mended(dataset, detections, matches, mistakes, rankings, index)
        gains[kind] = float(np.mean([after[number] - value for number, value in before.items()]))
    return gains


def _mended(dataset, detections, matches, mistakes, rankings, index: int) -> dict[int, float]:
    """Class id -> average precision without the mistakes of one kind."""
    missed = np.zeros(max(rankings) + 1, np.int64)
    if KINDS[index] == "missed":
        missed = np.bincount(dataset.truth.classes[mistakes.missed], minlength=len(missed))
    concerned = mistakes.kind == index
    counts, right, classes = matches.counts & ~concerned, matches.right.copy(), detections.classes.copy()
    rows = np.flatnonzero(concerned & (mistakes.box >= 0))
    rows = rows[np.argsort(-detections.scores[rows], kind="stable")]
    boxes, first = np.unique(mistakes.box[rows], return_index=True)
    free = ~np.isin(boxes, matches.found)
    rows, boxes = rows[first[free]], boxes[free]
    counts[rows], right[rows], classes[rows] = True, True, dataset.truth.classes[boxes]
    mended = {}
    for number, order in ranked(dataset, classes, detections.scores, counts):
        objects = rankings[number].objects - int(missed[number])
        value = Ranking(order, right[order], objects).average_precision
        # A class with nothing left to find is found completely.
        mended[number] = 1.0 if value is None else value
    return mended

"""Whether a score says how often a detection is right: reliability, an isotonic calibration, and the calibration error.

A detection is right or wrong by COCO's matching at one IoU (`overlaps.match`), so a calibrated score is the share of
the detections of its class and score that are right. The calibration is isotonic regression by pooling adjacent
violators (Barlow et al., Statistical Inference under Order Restrictions, 1972; for scores of classifiers Zadrozny and
Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002): the rising function of
the score that is nearest to what was found. It has no parameter, keeps the order of the detections and changes no mAP.

The calibration error is the mean distance of score and share in bins of 0.1 (Naeini et al., Obtaining Well Calibrated
Probabilities Using Bayesian Binning, AAAI 2015). A calibration fits the images that it was made from too well, so its
error is measured by halves: fitted on one half of the images, measured on the other, both ways.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from boxwright.evaluation.data import Detections
from boxwright.evaluation.operating_point import intervals, operating_point
from boxwright.evaluation.ranking import Ranking

BINS = 10
# Detectors fill their answers up with detections of low scores, which are nearly all wrong. They would outnumber all
# others, so the calibration error leaves the lowest bin out.
LOWEST = 1 / BINS
_DIGITS = 6


class Curve(NamedTuple):
    """A calibration: `right` [K] is the share that is right at the scores `score` [K], which rise.

    Between them it is linear, beyond them constant, as in `numpy.interp`.
    """

    score: np.ndarray
    right: np.ndarray

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """The calibrated scores."""
        return np.interp(scores, self.score, self.right)


def meaning(ranking: Ranking, detections: Detections, calibrated: np.ndarray) -> dict[str, Any]:
    """What the scores of a ranking mean; `calibrated` [D] is from `by_halves`.

    `operating_point` says from which score on the precision is at least 0.95, and how sure that is (see that module).
    `reliability` are the points of a reliability plot, `calibration` is the curve {score, right} of `isotonic` for
    numpy.interp, `calibration_error` is from `errors`. An undefined value is None, with the reason under its key in
    `undefined`; all are if there is no object to find.
    """
    scores, image = detections.scores[ranking.rows], detections.image[ranking.rows]
    found: dict[str, Any] = dict.fromkeys(
        ("operating_point", "reliability", "calibration", "calibration_error"),
        "there is no detection" if ranking.objects else "there is no box",
    )
    if ranking.objects and len(scores):
        curve = isotonic(scores, ranking.right)
        found["operating_point"] = operating_point(ranking, scores, image)
        found["reliability"] = reliability(scores, ranking.right, image)
        found["calibration"] = {"score": curve.score.tolist(), "right": np.round(curve.right, _DIGITS).tolist()}
        found["calibration_error"] = errors(scores, calibrated[ranking.rows], ranking.right)
    reasons = {key: value for key, value in found.items() if isinstance(value, str)}
    return found | dict.fromkeys(reasons) | {"undefined": reasons}


def isotonic(scores: np.ndarray, right: np.ndarray) -> Curve:
    """The isotonic regression of `right` (bool [N]) on `scores` ([N], N > 0), in any order."""
    levels, where, weights = np.unique(scores, return_inverse=True, return_counts=True)
    totals = np.bincount(where, right).astype(np.int64)
    # Neighbours of equal shares end up in one block, so each run of them is one from the start.
    shares = totals / weights
    starts = np.flatnonzero(np.concatenate([[True], shares[1:] != shares[:-1]]))
    lows, highs = levels[starts], levels[np.concatenate([starts[1:], [len(levels)]]) - 1]
    runs = (lows, highs, np.add.reduceat(totals, starts), np.add.reduceat(weights, starts))
    blocks: list[tuple[float, float, int, int]] = []
    for low, high, total, weight in zip(*(column.tolist() for column in runs), strict=True):
        while blocks and blocks[-1][2] * weight >= total * blocks[-1][3]:
            low, _, others, more = blocks.pop()
            total, weight = total + others, weight + more
        blocks.append((low, high, total, weight))
    knots = [(score, total / weight) for low, high, total, weight in blocks for score in sorted({low, high})]
    return Curve(*np.array(knots).T)


def by_halves(images: int, detections: Detections, rankings: Mapping[int, Ranking], seed: int = 0) -> np.ndarray:
    """The calibrated score of each detection by the half of the `images` that it is not in, float64 [D].

    Each class has its own calibration. NaN for detections that do not count, and for classes without a right detection
    in one of the halves. The halves are drawn with a fixed seed.
    """
    first = np.random.default_rng(seed).permutation(images) < images // 2
    calibrated = np.full(len(detections), np.nan)
    for ranking in rankings.values():
        here = first[detections.image[ranking.rows]]
        if not (ranking.right[here].any() and ranking.right[~here].any()):
            continue
        for fitted in (here, ~here):
            curve = isotonic(detections.scores[ranking.rows[fitted]], ranking.right[fitted])
            others = ranking.rows[~fitted]
            calibrated[others] = curve(detections.scores[others])
    return calibrated


def errors(scores: np.ndarray, calibrated: np.ndarray, right: np.ndarray) -> dict[str, Any] | str:
    """The calibration errors of some detections with a score of at least `LOWEST`, or why there are none.

    All [N]; `calibrated` as `by_halves` gives it, and detections where it is NaN are left out. Returns {detections,
    scores, calibrated, chance}: their number, the error of their scores and of the calibrated ones, and the error that
    calibrated scores would have on so few detections if each were exactly the probability of being right.
    """
    if np.isnan(calibrated).all():
        return "one half of the images has no right detection"
    counted = (scores >= LOWEST) & ~np.isnan(calibrated)
    if not counted.any():
        return f"there is no detection with a score of {LOWEST:g} or more"
    scores, calibrated, right = scores[counted], calibrated[counted], right[counted]
    variance = np.bincount(_bins(calibrated), calibrated * (1 - calibrated))
    return {
        "detections": len(right),
        "scores": _error(scores, right),
        "calibrated": _error(calibrated, right),
        # The mean size of a normal deviation, in each bin.
        "chance": round(float(np.sqrt(2 / np.pi * variance).sum() / len(right)), _DIGITS),
    }


def reliability(scores: np.ndarray, right: np.ndarray, image: np.ndarray) -> list[dict[str, Any]]:
    """The points of a reliability plot, one for each bin of scores that has detections; all [N].

    {score, right, low, high, detections}: mean score, share that is right with its interval at `operating_point.LEVEL`,
    number.
    """
    bins = _bins(scores)
    points = []
    for number in np.unique(bins):
        own = bins == number
        low, high = intervals(right[own], image[own])
        shares = {"score": scores[own].mean(), "right": right[own].mean(), "low": low[-1], "high": high[-1]}
        points.append(
            {key: round(float(value), _DIGITS) for key, value in shares.items()} | {"detections": int(own.sum())}
        )
    return points


def _bins(scores: np.ndarray) -> np.ndarray:
    # A score of 0.3 belongs to the bin that starts there, although 0.3 / 0.1 is less than 3.
    return np.minimum((scores * BINS + 1e-9).astype(np.int64), BINS - 1)


def _error(scores: np.ndarray, right: np.ndarray) -> float:
    distance = np.abs(np.bincount(_bins(scores), scores - right))
    return round(float(distance.sum() / len(right)), _DIGITS)

"""From which score on the detections of a class have a wanted precision, and how sure that is.

The answer is the lowest score from which at least 95 of 100 detections are right, since lower scores find more objects.
Its interval says how far the precision may be off with other images of this kind: Wilson's interval for a share
(Wilson, Probable Inference, JASA 1927) for the effective number of detections (Korn and Graubard, Confidence intervals
for proportions with small expected number of positive counts, Survey Methodology 1998), since detections in one image
are right or wrong together more often than chance would have it.

The score is chosen on the images that the precision is measured on, which flatters it. In simulations with 40 to 1,000
images, the interval held the true precision in 89 to 98 of 100 cases all the same, and of 100 data sets at most 4 had a
`sure_score` whose true precision was too low.
"""

from typing import Any

import numpy as np

from boxwright.evaluation.ranking import Ranking

PRECISION = 0.95
LEVEL = 0.95
# With fewer detections the precision is reached only if none of them is wrong, which is too often luck.
FEWEST = 20
# The normal distribution's quantile for `LEVEL`, two-sided.
_Z = 1.959963984540054
_DIGITS = 6


def operating_point(ranking: Ranking, scores: np.ndarray, image: np.ndarray) -> dict[str, Any] | str:
    """Where the precision is at least `PRECISION`, or why there is no such score.

    `scores` and `image` [N > 0] belong to the ranking, which has objects. Returns {precision_wanted, score, precision,
    level, low, high, detections, recall, sure_score}: the detections from `score` on have `precision`, with its
    interval, and find `recall` of the objects; from `sure_score` on the whole interval is at least `PRECISION` (None if
    it is nowhere).
    """
    number = np.arange(1, len(scores) + 1)
    precision = np.cumsum(ranking.right) / number
    # A threshold keeps all detections of the same score or none.
    whole = np.append(scores[1:] < scores[:-1], True)[: len(scores)]
    enough = whole & (number >= FEWEST)
    reached = np.flatnonzero(enough & (precision >= PRECISION))
    if not len(reached):
        return _why_none(precision, scores, whole, enough)
    low, high = intervals(ranking.right, image)
    sure = np.flatnonzero(enough & (low >= PRECISION))
    at = reached[-1]
    return {
        "precision_wanted": PRECISION,
        "score": float(scores[at]),
        "precision": round(float(precision[at]), _DIGITS),
        "level": LEVEL,
        "low": round(float(low[at]), _DIGITS),
        "high": round(float(high[at]), _DIGITS),
        "detections": int(number[at]),
        "recall": round(float(np.count_nonzero(ranking.right[: at + 1]) / ranking.objects), _DIGITS),
        "sure_score": float(scores[sure[-1]]) if len(sure) else None,
    }


def intervals(right: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval at `LEVEL` of the share that is right, among the first 1, 2, ... N detections: low, high [N].

    `right` is bool [N]; `image` [N] says which image each detection is in.
    """
    right = right.astype(np.int64)
    number = np.arange(1, len(right) + 1)
    share = np.cumsum(right) / number
    effective = number / np.maximum(_design_effect(right, image, number, share), 1)
    half = _Z * np.sqrt(share * (1 - share) / effective + (_Z / (2 * effective)) ** 2)
    middle, scale = share + _Z**2 / (2 * effective), 1 + _Z**2 / effective
    return np.clip((middle - half) / scale, 0, 1), np.clip((middle + half) / scale, 0, 1)


def _design_effect(right: np.ndarray, image: np.ndarray, number: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The variance of the share with whole images as the units, divided by that of independent detections, [N].

    The former is that of a ratio, the right detections of an image to all of them, linearised. It is 1 where all or
    none are right, since nothing can be said there, and the number of detections where all are in one image.
    """
    earlier, earlier_right = _earlier(image, np.ones_like(right)), _earlier(image, right)
    images = np.cumsum(earlier == 0)
    # Sums over images of the squares and the product of their numbers of right detections and of all.
    of_right = np.cumsum(right * (2 * earlier_right + 1))
    of_all = np.cumsum(2 * earlier + 1)
    of_both = np.cumsum(earlier_right + right * (earlier + 1))
    clustered = (of_right - 2 * share * of_both + share**2 * of_all) * images / np.maximum(images - 1, 1)
    independent = number * share * (1 - share)
    effect = np.divide(clustered, independent, out=np.ones(len(number)), where=independent > 0)
    return np.where(images > 1, effect, number)


def _earlier(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each row the sum of the values of the earlier rows of the same image, [N]."""
    order = np.argsort(image, kind="stable")
    before = np.cumsum(values[order]) - values[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(image[order]) != 0])[: len(order)])
    sums = np.empty(len(values), np.int64)
    sums[order] = before - np.repeat(before[starts], np.diff(np.append(starts, len(order))))
    return sums


def _why_none(precision: np.ndarray, scores: np.ndarray, whole: np.ndarray, enough: np.ndarray) -> str:
    """Why no score has the precision; texts without the name of the class."""
    # Does not use `core.wording`, which no code identity covers, because this text is part of analysis.json.
    if len(scores) < FEWEST:
        count = "1 detection is" if len(scores) == 1 else f"{len(scores)} detections are"
        return f"{count} too few to tell (at least {FEWEST} are needed)"
    best = np.flatnonzero(whole & (precision >= PRECISION))
    if len(best):
        count = "the best detection reaches" if best[-1] == 0 else f"the {best[-1] + 1} best detections reach"
        return (
            f"only {count} a precision of {PRECISION:g}, from score {scores[best[-1]]:.3g} on, and so few may be luck "
            f"(at least {FEWEST} are needed)"
        )
    at = np.flatnonzero(enough)[np.argmax(precision[enough])]
    return (
        f"no score reaches a precision of {PRECISION:g}; the highest is {precision[at]:.3f}, from score "
        f"{scores[at]:.3g} on ({at + 1} detections)"
    )

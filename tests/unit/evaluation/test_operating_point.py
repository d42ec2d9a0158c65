"""The score from which the precision is at least 0.95: by hand, when there is none, how often the interval is true."""

import numpy as np
import pytest

from boxwright.evaluation.operating_point import FEWEST, PRECISION, intervals, operating_point
from boxwright.evaluation.ranking import Ranking


def point(right, scores=None, image=None, objects=None):
    right = np.asarray(right, bool)
    count = len(right)
    scores = np.linspace(0.99, 0.01, count) if scores is None else np.asarray(scores, float)
    image = np.arange(count) if image is None else np.asarray(image)
    return operating_point(Ranking(np.arange(count), right, objects or max(int(right.sum()), 1)), scores, image)


def test_the_lowest_score_with_the_precision_counts():
    # 10 right, 1 wrong, 28 right: 38 of 39; with two more wrong ones 38 of 41, and never again 0.95.
    found = point([1] * 10 + [0] + [1] * 28 + [0, 0] + [1] * 5, objects=50)
    scores = np.linspace(0.99, 0.01, 46)
    assert found["score"] == scores[39]  # 38 of 40 is 0.95
    assert (found["detections"], found["precision"], found["recall"]) == (40, 0.95, 0.76)
    assert found["low"] < 0.95 < found["high"] and found["sure_score"] is None
    # Wilson's interval for a share of 0.95 of 39: 40 images leave the variance 39 degrees of freedom.
    assert (found["low"], found["high"]) == pytest.approx((0.8329, 0.9864), abs=5e-5)


def test_a_threshold_keeps_all_detections_of_the_same_score():
    right = [1] * 30 + [0] * 20
    assert point(right, [0.9] * 30 + [0.5] * 20)["score"] == 0.9
    assert point(right, [0.9] * 25 + [0.5] * 25)["detections"] == 25
    assert "no score reaches" in point(right, [0.5] * 50)


def test_many_right_detections_are_sure():
    found = point([1] * 200 + [0] * 100)
    assert found["sure_score"] > found["score"]
    # 73 without a mistake are the fewest whose interval starts at 0.95: n / (n + 1.96²).
    low, high = intervals(np.ones(80, bool), np.arange(80))
    assert np.flatnonzero(low >= PRECISION)[0] + 1 == 73
    assert high == pytest.approx(1)


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ([1], "1 detection is too few to tell"),
        ([1] * 19, "19 detections are too few to tell"),
        ([1] + [0] * 40, "only the best detection reaches a precision of 0.95, from score 0.99 on"),
        ([1] * 12 + [0] * 40, "only the 12 best detections reach a precision of 0.95"),
        ([0] * 10 + [1] * 20 + [0] * 40, "the highest is 0.667"),
    ],
)
def test_why_there_is_no_score(right, said):
    assert said in point(right)


def test_twenty_detections_are_enough_with_one_mistake():
    assert point([1] * (FEWEST - 1) + [0])["detections"] == FEWEST


def test_detections_that_are_wrong_together_are_less_sure():
    """Ten detections in each of 40 images; in one image all are wrong, or one in each of ten images."""
    together = np.repeat(np.arange(40) > 0, 10)
    apart = np.ones(400, bool)
    apart[:100:10] = False
    images = np.repeat(np.arange(40), 10)
    (low, _), (low_apart, _) = ([ends[-1] for ends in intervals(right, images)] for right in (together, apart))
    assert low < 0.9 < low_apart
    # One image says hardly anything, however many detections it has.
    assert intervals(np.ones(50, bool), np.zeros(50, int))[0][-1] < 0.25


def test_the_design_effect_is_the_variance_of_a_ratio_over_images():
    random = np.random.default_rng(3)
    images = random.integers(0, 12, 90)
    right = random.random(90) < 0.4 + 0.5 * (images % 2)
    all_of, right_of = np.bincount(images, minlength=12), np.bincount(images, right, minlength=12)
    share = right.mean()
    variance = 12 / 11 * np.sum((right_of - share * all_of) ** 2) / 90**2
    effective = share * (1 - share) / variance
    z = 1.959964
    middle = (share + z**2 / (2 * effective)) / (1 + z**2 / effective)
    half = z * np.sqrt(share * (1 - share) / effective + z**2 / (4 * effective**2)) / (1 + z**2 / effective)
    low, high = intervals(right, images)
    assert (low[-1], high[-1]) == pytest.approx((middle - half, middle + half), abs=1e-6)


@pytest.mark.parametrize(("images", "spread"), [(60, 1.0), (400, 0.0), (400, 1.5)])
def test_the_interval_holds_the_true_precision(images, spread):
    """Images with three detections each on average, which are right with a probability that also varies by image."""
    random = np.random.default_rng(0)

    def draw(count):
        image = np.repeat(np.arange(count), random.poisson(3, count))
        scores = random.beta(0.6, 0.9, len(image)).clip(1e-4, 1 - 1e-4)
        odds = 1.5 + np.log(scores / (1 - scores)) + random.normal(0, spread, count)[image]
        probability = 1 / (1 + np.exp(-odds))
        order = np.argsort(-scores, kind="stable")
        return image[order], scores[order], probability[order]

    _, levels, true = draw(100_000)
    precision = np.cumsum(true) / np.arange(1, len(true) + 1)
    held, falsely_sure = [], []
    for _ in range(200):
        image, scores, probability = draw(images)
        found = point(random.random(len(scores)) < probability, scores, image)
        if not isinstance(found, str):
            held.append(found["low"] <= np.interp(-found["score"], -levels, precision) <= found["high"])
            sure = found["sure_score"]
            falsely_sure.append(sure is not None and np.interp(-sure, -levels, precision) < PRECISION)
    assert len(held) > 100
    assert np.mean(held) >= 0.88
    assert np.mean(falsely_sure) <= 0.04

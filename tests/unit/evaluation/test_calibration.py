"""What scores mean: isotonic regression against its definition, errors by hand, halves that do not see each other."""

import numpy as np
import pytest

from boxwright.evaluation import calibration
from boxwright.evaluation.measure import measure
from boxwright.evaluation.ranking import Ranking

from .sets import found_of, random_set


def by_definition(scores, right):
    """At each score the largest, over lower starts, of the least mean up to a higher end (the max-min formula)."""
    levels = np.unique(scores)

    def mean(start, end):
        return right[(scores >= levels[start]) & (scores <= levels[end])].mean()

    count = len(levels)
    best = [max(min(mean(low, high) for high in range(at, count)) for low in range(at + 1)) for at in range(count)]
    return levels, best


@pytest.mark.parametrize("seed", range(20))
def test_isotonic_regression_is_the_rising_function_that_is_nearest(seed):
    random = np.random.default_rng(seed)
    scores = np.round(random.random(int(random.integers(1, 25))), 1 if seed % 2 else 6)  # with and without equal scores
    right = random.random(len(scores)) < scores
    levels, wanted = by_definition(scores, right)
    curve = calibration.isotonic(scores, right)
    assert curve(levels) == pytest.approx(wanted, abs=1e-12)
    assert (np.diff(curve.score) > 0).all() and (np.diff(curve.right) >= 0).all()


def test_isotonic_regression_by_hand():
    curve = calibration.isotonic(np.array([0.1, 0.2, 0.3, 0.4, 0.9]), np.array([False, True, False, True, True]))
    assert curve.score.tolist() == [0.1, 0.2, 0.3, 0.4, 0.9]
    assert curve.right.tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve(np.array([0.0, 0.25, 0.35, 1.0])).tolist() == pytest.approx([0, 0.5, 0.75, 1])


def test_the_error_is_the_mean_distance_of_score_and_share_in_bins():
    # Bins .1: two of mean .15, one right; .8: four of mean .85, all right. 0.05 is not counted, nor is what is NaN.
    scores = np.array([0.1, 0.2 - 1e-6, 0.8, 0.9 - 1e-6, 0.85, 0.85, 0.05, 0.95])
    right = np.array([True, False, True, True, True, True, True, False])
    found = calibration.errors(scores, np.append(np.full(7, 0.5), np.nan), right)
    assert found["detections"] == 6
    assert found["scores"] == pytest.approx((2 * 0.35 + 4 * 0.15) / 6, abs=1e-5)
    assert found["calibrated"] == pytest.approx(5 / 6 - 0.5, abs=1e-5)
    assert found["chance"] == pytest.approx(np.sqrt(2 / np.pi * 6 / 4) / 6, abs=1e-5)


def test_scores_at_the_edge_of_a_bin_belong_to_the_bin_above():
    edges = np.round(np.arange(0, 1.05, 0.1), 1)
    assert calibration._bins(edges).tolist() == [*range(10), 9]


def test_chance_is_the_error_of_scores_that_are_the_probability():
    random = np.random.default_rng(0)
    scores = random.random((300, 200))
    found = [calibration.errors(row, row, random.random(200) < row) for row in scores]
    assert np.mean([one["chance"] for one in found]) == pytest.approx(
        np.mean([one["scores"] for one in found]), rel=0.1
    )


def a_class(random, images, per_image, probability):
    """The detections of one class in some images, and their ranking; right with the `probability` of their score."""
    image = np.repeat(np.arange(images), per_image)
    scores = np.round(random.random(len(image)), 6)
    right = random.random(len(image)) < probability(scores)
    detections = found_of(image, np.zeros((len(image), 4)), scores, np.ones(len(image)))
    rows = np.argsort(-scores, kind="stable")
    return detections, Ranking(rows, right[rows], max(int(right.sum()), 1))


def test_each_half_is_calibrated_by_the_other():
    detections, ranking = a_class(np.random.default_rng(0), 40, 5, np.square)
    calibrated = calibration.by_halves(40, detections, {1: ranking})
    right = np.zeros(len(detections), bool)
    right[ranking.rows] = ranking.right
    one = np.random.default_rng(0).permutation(40) < 20
    for half in (one, ~one):
        inside = half[detections.image]
        curve = calibration.isotonic(detections.scores[~inside], right[~inside])
        assert calibrated[inside].tolist() == curve(detections.scores[inside]).tolist()


def test_a_class_that_is_right_in_one_half_only_is_not_measured():
    detections, ranking = a_class(np.random.default_rng(0), 40, 5, np.square)
    only = ranking.right & (detections.image[ranking.rows] == 3)
    meaning = calibration.meaning(
        ranking._replace(right=only),
        detections,
        calibration.by_halves(40, detections, {1: ranking._replace(right=only)}),
    )
    assert meaning["calibration_error"] is None
    assert meaning["undefined"]["calibration_error"] == "one half of the images has no right detection"


def test_a_calibration_mends_scores_that_are_too_high():
    """Scores whose square is the probability are off by 0.18 on average, from 0.1 on; calibrated ones hardly."""
    detections, ranking = a_class(np.random.default_rng(1), 1000, 5, np.square)
    found = calibration.meaning(ranking, detections, calibration.by_halves(1000, detections, {1: ranking}))
    error = found["calibration_error"]
    assert error["scores"] == pytest.approx(0.18, abs=0.02)
    assert error["calibrated"] < 0.03 and error["chance"] < 0.02
    curve = np.interp([0.3, 0.5, 0.7, 0.9], found["calibration"]["score"], found["calibration"]["right"])
    assert curve == pytest.approx([0.09, 0.25, 0.49, 0.81], abs=0.06)
    for point in found["reliability"]:
        assert point["low"] <= point["right"] <= point["high"]
        assert point["right"] == pytest.approx(point["score"] ** 2, abs=0.06)
    assert sum(point["detections"] for point in found["reliability"]) == 5000


def test_the_meaning_of_scores_is_part_of_the_analysis():
    dataset, detections = random_set(3, images=80)
    found = measure(dataset, detections).analysis
    counted = sum(sum(point["detections"] for point in one["scores"]["reliability"] or []) for one in found["classes"])
    last = found["classes"][-1]  # of this class there are detections, but no box
    assert not last["boxes"] and set(last["scores"]["undefined"].values()) == {"there is no box"}
    pooled = found["scores"]
    assert sum(point["detections"] for point in pooled["reliability"]) == counted > 0
    assert pooled["calibration_error"]["calibrated"] < pooled["calibration_error"]["scores"]

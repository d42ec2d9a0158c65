"""The mean over seeds and how sure it is."""

import math

import numpy as np
import pytest

from boxwright.report import quality


def around(value, below=0.1, above=0.05):
    return {"low": value - below, "high": value + above}


@pytest.mark.parametrize("degrees", range(1, 21))
def test_the_quantiles_are_those_of_students_distribution(degrees):
    limit = quality._STUDENT[degrees - 1]
    points = np.linspace(-limit, limit, 200_001)
    scale = math.gamma((degrees + 1) / 2) / (math.sqrt(degrees * math.pi) * math.gamma(degrees / 2))
    density = scale * (1 + points**2 / degrees) ** (-(degrees + 1) / 2)
    inside = np.sum((density[1:] + density[:-1]) / 2 * np.diff(points))
    assert inside == pytest.approx(quality.LEVEL, abs=1e-4)


@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
def test_the_interval_over_seeds_holds_the_true_mean(seeds):
    random = np.random.default_rng(seeds)
    held = 0
    for _ in range(4000):
        found = quality.of(list(random.normal(0.5, 0.01, seeds)), [None] * seeds).interval
        held += found["low"] <= 0.5 <= found["high"]
    assert held / 4000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("seeds", [3, 10])
def test_the_interval_over_seeds_and_images_holds_the_true_mean(seeds):
    """The images' error is the same for all seeds; its interval is known to every training."""
    random, of_images = np.random.default_rng(seeds), 0.03
    held = 0
    for _ in range(4000):
        values = random.normal(0.5 + random.normal(0, of_images), 0.02, seeds)
        intervals = [around(value, 1.96 * of_images, 1.96 * of_images) for value in values]
        found = quality.of(list(values), intervals).interval
        held += found["low"] <= 0.5 <= found["high"]
    assert 0.94 < held / 4000 < 0.985


def test_one_training_has_the_interval_over_the_images():
    one = quality.of([0.6], [around(0.6)])
    assert (one.mean, one.spread, one.interval) == (0.6, None, around(0.6))
    assert one.uncertainty() == "0.500 to 0.650 (95%)"


def test_seeds_have_an_interval_about_both():
    found = quality.of([0.7, 0.8], [around(0.7), around(0.8)])
    assert found.interval["low"] == pytest.approx(max(0.75 - math.hypot(12.706 * 0.05, 0.1), 0))
    assert found.interval["high"] == 1.0, "a metric is at most 1"
    assert found.uncertainty() == "0.107 to 1.000 (95%), standard deviation over 2 seeds 0.071"
    alone = quality.of([0.7, 0.8, 0.9], [None] * 3)
    assert alone.interval["low"] == pytest.approx(0.8 - 4.303 * 0.1 / math.sqrt(3))


@pytest.mark.parametrize(
    ("values", "intervals"), [([0.6], [None]), ([0.6, None], [around(0.6), None]), ([None], [None])]
)
def test_where_nothing_is_known_of_the_uncertainty(values, intervals):
    found = quality.of(values, intervals)
    assert found.mean == values[0] and found.interval is found.range is found.spread is None
    assert found.uncertainty() == ""


def test_figures_are_told_apart_by_intervals_that_do_not_overlap():
    low, high, wide = (
        quality.of([value], [around(value, below, below)]) for value, below in ((0.3, 0.1), (0.6, 0.1), (0.6, 0.25))
    )
    unknown = quality.of([0.99], [None])
    assert low.told_from(high) and high.told_from(low)
    assert not wide.told_from(low) and not low.told_from(wide)
    assert not unknown.told_from(low) and not low.told_from(unknown)


def test_the_range_has_the_mean_in_it():
    assert quality.of([0.6], [{"low": 0.61, "high": 0.7}]).range == (0.6, 0.7)

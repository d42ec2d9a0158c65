"""Metrics and intervals as text."""

import pytest

from boxwright.core import decimals


@pytest.mark.parametrize(("value", "text"), [(None, "n/a"), (0.12349, "0.123"), (1.0, "1.000")])
def test_undefined_numbers_are_not_available(value, text):
    assert decimals.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "n/a"), (-0.2, "less than 0.001"), (0.0, "less than 0.001"), (0.0005, "0.001"), (0.0214, "0.021")],
)
def test_an_excess_that_three_digits_do_not_show_is_less_than_them(value, text):
    assert decimals.excess(value) == text


def test_an_interval_is_written_by_its_ends():
    assert decimals.ends({"low": 0.49996, "high": 1.0, "level": 0.95}) == "0.500 to 1.000"
    assert decimals.ends(None) == "n/a"


def test_an_interval_whose_ends_are_equal_as_text_is_none():
    assert decimals.ends({"low": 0.9999, "high": 1.0}) == "no spread"
    assert not decimals.spreads(None)

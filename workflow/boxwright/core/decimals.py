"""Metrics and intervals as text.

Tables and figures of a run show them, so unlike `wording`, which is for messages alone, this counts in the code
identity.
"""

from collections.abc import Mapping


def number(value: float | None, digits: int = 3) -> str:
    """A metric as text; an undefined one is `n/a`."""
    return "n/a" if value is None else f"{value:.{digits}f}"


# Below this, three digits are 0.
LEAST = 0.0005


def excess(value: float | None) -> str:
    """By how much a metric is too high: "0.012", or "less than 0.001" below `LEAST`."""
    return "less than 0.001" if value is not None and value < LEAST else number(value)


def ends(interval: Mapping[str, float] | None) -> str:
    """An interval as text, "0.500 to 0.650"; one that is undefined is `n/a`, and one with equal ends "no spread"."""
    if not interval:
        return "n/a"
    return f"{number(interval['low'])} to {number(interval['high'])}" if spreads(interval) else "no spread"


def spreads(interval: Mapping[str, float] | None) -> bool:
    """Whether an interval has ends that differ as text; equal ones do not tell how sure a figure is."""
    return bool(interval) and number(interval["low"]) != number(interval["high"])

"""The figure of a model that may have been trained with several seeds, and how sure it is.

Two things could have come out otherwise: which images measure, and with which seeds a model is trained. The bootstrap
interval of each evaluation is about the images. The seeds are about a sample of trainings, so their mean has Student's
interval. Both errors add up in the mean over seeds; they are independent, so their distances from the mean are combined
as the root of the sum of squares (Zou and Donner, Statistics in Medicine 27, 2008). All seeds are measured on the same
images, so more seeds make the images' part no smaller: it is the mean of theirs.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boxwright.core import decimals
from boxwright.core.least import allowed_for

# The level of all intervals, as in analysis.json.
LEVEL = 0.95
# Student's t at that level for 1, 2, ... degrees of freedom. For more than these the last is slightly too large.
_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)


@dataclass(frozen=True)
class Quality:
    """A metric of a model on some images: mean over `seeds` trainings, their standard deviation, 95 % interval.

    `mean` is None if the metric is undefined, `spread` if there are fewer than two values. `interval`, {low, high}, is
    None if nothing is known of how sure the mean is: with one value or equal values of a metric that has no interval
    over the images, or with one value of several seeds.
    """

    mean: float | None
    spread: float | None
    interval: Mapping[str, float] | None
    seeds: int

    def uncertainty(self) -> str:
        """How sure the mean is, in words; "" if that is not known."""
        if not self.interval:
            return ""
        told = f"{decimals.ends(self.interval)} ({LEVEL:.0%})" if decimals.spreads(self.interval) else "no spread"
        return told if self.spread is None else f"{told}, standard deviation over {self.seeds} seeds {self.spread:.3f}"

    def told_from(self, other: "Quality") -> bool:
        """Whether the intervals tell two figures apart, which takes two intervals that do not overlap."""
        if not (self.interval and other.interval):
            return False
        low, high = sorted([self.range, other.range])
        return low[1] < high[0]

    @property
    def range(self) -> tuple[float, float] | None:
        """The interval with the mean in it, which one of resamples may lie beside."""
        found = self.interval
        return (min(found["low"], self.mean), max(found["high"], self.mean)) if found else None


def unsure(analysis: Mapping[str, Any]) -> str:
    """What the images do not tell of how sure the mAP@.50IOU of an analysis.json is, a sentence; "" if nothing."""
    found = analysis.get("interval")
    if found is None:
        why = analysis.get("interval_reason")
        return f"So few images do not tell how good a detector is: {why}." if why else ""
    if decimals.spreads(found):
        return allowed_for(found["few"])
    return "It is the same on any choice of these images, so they do not tell how sure it is."


def of(values: Sequence[float | None], intervals: Sequence[Mapping[str, float] | None]) -> Quality:
    """The quality of a model, from the metric of each of its trainings with its interval over the images, if any.

    An undefined value is left out. The metric is from 0 to 1.
    """
    defined = [pair for pair in zip(values, intervals, strict=True) if pair[0] is not None]
    if not defined:
        return Quality(None, None, None, len(values))
    mean = statistics.mean(value for value, _ in defined)
    if len(values) == 1:
        return Quality(mean, None, intervals[0], 1)
    if len(defined) == 1:
        return Quality(mean, None, None, len(values))
    spread, degrees = statistics.stdev(value for value, _ in defined), len(defined) - 1
    if not spread and not all(interval for _, interval in defined):
        return Quality(mean, spread, None, len(values))
    of_seeds = _STUDENT[min(degrees, len(_STUDENT)) - 1] * spread / math.sqrt(len(defined))
    below, above = _distances(defined)
    ends = {"low": max(mean - math.hypot(of_seeds, below), 0.0), "high": min(mean + math.hypot(of_seeds, above), 1.0)}
    return Quality(mean, spread, ends, len(values))


def _distances(measured: Sequence[tuple[float, Mapping[str, float] | None]]) -> tuple[float, float]:
    """How far the intervals over the images reach below and above their values, on average; 0 if there are none."""
    if not all(interval for _, interval in measured):
        return 0.0, 0.0
    below = statistics.mean(value - interval["low"] for value, interval in measured)
    above = statistics.mean(interval["high"] - value for value, interval in measured)
    return max(below, 0.0), max(above, 0.0)

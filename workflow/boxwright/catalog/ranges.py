"""The range that a number of a configuration must be in.

What a range leaves out fails in the engine, or makes it learn nothing. Most upper ends are only there to catch slips:
beyond them no machine has the memory.
"""

import math
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from boxwright.protos.plain import short_float

_LARGEST = 3.4028234663852886e38  # of float32


class Range(NamedTuple):
    """From `least` to `most`; `above`, `below`: without these ends. use: a value within, where the default is not."""

    least: float = -_LARGEST
    most: float = _LARGEST
    above: bool = False
    below: bool = False
    use: float | None = None

    def __contains__(self, value: float) -> bool:
        over = value > self.least if self.above else value >= self.least
        under = value < self.most if self.below else value <= self.most
        return over and under

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.least:g}"
        if -self.least == self.most == _LARGEST:
            return "a finite number"
        if self.least == -(2**31):
            return f"at most {self.most:,}"
        low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.least, self.most))
        if self.most == _LARGEST:
            return f"above {low}" if self.above else f"{low} or more"
        if not (self.above or self.below):
            return f"{low} to {high}"
        return f"{'above' if self.above else 'at least'} {low} and {'below' if self.below else 'at most'} {high}"

    def instead_of(self, field: FieldDescriptor) -> Any:
        """A value of `field` that is within: its default, else `use`."""
        if self.use is None and not field.is_repeated and field.default_value in self:
            default = field.default_value
            return short_float(default) if isinstance(default, float) else default
        return self.use


FINITE = Range()
# Nothing is known of unlimited numbers but that they are some.
ANY = Range(-math.inf, math.inf)
POSITIVE = Range(0, above=True)
NOT_NEGATIVE = Range(0)
SHARE = Range(0, 1)
PART = Range(0, 1, above=True)

# The side of an image in pixels, layers, channels, classes, and boxes of an image, at the utmost.
LARGEST_SIDE, LAYERS, CHANNELS, CLASSES, BOXES = 2**14, 100, 2**14, 10**5, 10**6
PIXELS = Range(1, LARGEST_SIDE)
COUNT = Range(1, BOXES)

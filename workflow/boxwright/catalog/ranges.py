"""Ranges of valid numbers in a configuration.

Numbers outside their range make the engine fail or learn nothing. Most upper limits are there only to catch typing
errors: no machine has the memory for larger numbers.
"""

import math
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from boxwright.protos.plain import short_float

_LARGEST = 3.4028234663852886e38  # the largest float32


class Range(NamedTuple):
    """The numbers from `least` to `most`.

    above, below: exclude `least`, exclude `most`. use: a value in the range, for fields whose default is not.
    """

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
        if self.least == -_LARGEST:
            return f"{'below' if self.below else 'at most'} {self.most:g}"
        low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.least, self.most))
        if self.most == _LARGEST:
            return f"above {low}" if self.above else f"{low} or more"
        if not (self.above or self.below):
            return f"{low} to {high}"
        return f"{'above' if self.above else 'at least'} {low} and {'below' if self.below else 'at most'} {high}"

    def instead_of(self, field: FieldDescriptor) -> Any:
        """A value of `field` in the range: its default if possible, else `use`."""
        if self.use is None and not field.is_repeated and field.default_value in self:
            default = field.default_value
            return short_float(default) if isinstance(default, float) else default
        return self.use


FINITE = Range()
# Any number, also an infinite one, but not NaN.
ANY = Range(-math.inf, math.inf)
POSITIVE = Range(0, above=True)
NOT_NEGATIVE = Range(0)
SHARE = Range(0, 1)
PART = Range(0, 1, above=True)

# Upper limits: pixels of an image side, layers, channels, classes, and boxes in an image.
LARGEST_SIDE, LAYERS, CHANNELS, CLASSES, BOXES = 2**14, 100, 2**14, 10**5, 10**6
PIXELS = Range(1, LARGEST_SIDE)
COUNT = Range(1, BOXES)

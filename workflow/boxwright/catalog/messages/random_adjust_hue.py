"""Turns the hue by a random angle."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

# Hues lie on a circle: half of it to either side is all of it.
SPEC = Spec(fields={"max_delta": Range(0, 0.5)})

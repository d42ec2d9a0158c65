"""Turns the hue by a random angle."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

# Hues lie on a circle: half a turn in either direction reaches all of them.
SPEC = Spec(fields={"max_delta": Range(0, 0.5)})

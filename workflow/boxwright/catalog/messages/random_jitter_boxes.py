"""Moves the sides of boxes."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

# With half of the side or more, opposite sides could meet.
SPEC = Spec(fields={"ratio": Range(0, 0.5, below=True)})

"""Moves the sides of boxes."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

# With 1 or more a box may have no size left, or be turned inside out.
SPEC = Spec(fields={"ratio": Range(0, 1, below=True)})

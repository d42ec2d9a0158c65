"""Resizes to a fixed size."""

from boxwright.catalog.ranges import LARGEST_SIDE, Range
from boxwright.catalog.spec import Spec

SIDE = Range(1, LARGEST_SIDE, use=300)

SPEC = Spec(fields={"new_height": SIDE, "new_width": SIDE})

"""Resizes to a fixed size in a random way."""

from boxwright.catalog.ranges import LARGEST_SIDE, Range
from boxwright.catalog.spec import Spec

SIDE = Range(1, LARGEST_SIDE, use=300)

SPEC = Spec(fields={"target_height": SIDE, "target_width": SIDE})

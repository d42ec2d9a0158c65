"""Scales at random, then crops or pads to a square."""

from boxwright.catalog.ranges import PIXELS, POSITIVE
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={"output_size": PIXELS, "scale_min": POSITIVE, "scale_max": POSITIVE},
    relations=(ordered("scale_min", "scale_max"),),
)

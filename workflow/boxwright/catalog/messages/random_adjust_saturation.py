"""Multiplies the saturation by a random factor."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={"min_delta": NOT_NEGATIVE, "max_delta": NOT_NEGATIVE},
    relations=(ordered("min_delta", "max_delta"),),
)

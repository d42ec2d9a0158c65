"""Multiplies every value by a random number."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={"minval": NOT_NEGATIVE, "maxval": NOT_NEGATIVE},
    relations=(ordered("minval", "maxval"),),
)

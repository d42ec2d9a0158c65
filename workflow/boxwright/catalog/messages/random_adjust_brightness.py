"""Adds a random value to all pixels."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"max_delta": NOT_NEGATIVE})

"""Sigmoid cross entropy with less weight on easy examples, and on cells near the centre of an object."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"alpha": NOT_NEGATIVE, "beta": NOT_NEGATIVE})

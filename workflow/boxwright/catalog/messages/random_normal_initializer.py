"""A normal distribution."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"stddev": Range(0, use=0.01)})

"""Differences of the corners, divided by a standard deviation."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"stddev": POSITIVE})

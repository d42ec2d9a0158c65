"""Penalty on absolute values."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"weight": Range(0, use=4e-5)})

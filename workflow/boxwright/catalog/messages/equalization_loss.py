"""Keeps rare classes from being pushed down as negatives of frequent ones."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"weight": Range(0, 0)})

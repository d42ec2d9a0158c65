"""Sigmoid cross entropy that fades for easy examples."""

from boxwright.catalog.ranges import NOT_NEGATIVE, Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"gamma": NOT_NEGATIVE, "alpha": Range(0, 1, use=0.75)})

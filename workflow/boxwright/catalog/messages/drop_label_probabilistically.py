"""Leaves out boxes of one class at random."""

from boxwright.catalog.ranges import CLASSES, SHARE, Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"label": Range(1, CLASSES, use=1), "drop_probability": SHARE})

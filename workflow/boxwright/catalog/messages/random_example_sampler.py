"""Draws anchors so that a given share is positive."""

from boxwright.catalog.ranges import PART
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"positive_sample_fraction": PART})

"""Bounds of the box codes."""

from boxwright.catalog.ranges import ANY
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"min": ANY, "max": ANY}, relations=(ordered("min", "max"),))

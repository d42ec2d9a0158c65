"""Mirrors top and bottom."""

from boxwright.catalog.ranges import SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"probability": SHARE})

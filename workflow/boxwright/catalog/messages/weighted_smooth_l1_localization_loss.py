"""Squared differences up to delta, absolute ones beyond."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"delta": POSITIVE})

"""Batch normalisation."""

from boxwright.catalog.ranges import NOT_NEGATIVE, SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"decay": SHARE, "epsilon": NOT_NEGATIVE})

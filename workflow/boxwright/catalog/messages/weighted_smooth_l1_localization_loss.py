"""Squared differences up to delta, absolute ones beyond."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import NOT_READ_BY_OD_API, Spec

SPEC = Spec(fields={"delta": POSITIVE}, no_effect={"anchorwise_output": NOT_READ_BY_OD_API})

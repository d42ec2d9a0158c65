"""Sigmoid cross entropy with less weight on easy examples."""

from boxwright.catalog.ranges import NOT_NEGATIVE, Range
from boxwright.catalog.spec import NOT_READ_BY_OD_API, Spec

SPEC = Spec(
    fields={"gamma": NOT_NEGATIVE, "alpha": Range(0, 1, use=0.75)}, no_effect={"anchorwise_output": NOT_READ_BY_OD_API}
)

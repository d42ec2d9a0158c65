"""Sigmoid cross entropy against a mixture of the label and the model's own prediction."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import NOT_READ_BY_OD_API, Spec

SPEC = Spec(fields={"alpha": Range(0, 1, use=0.95)}, no_effect={"anchorwise_output": NOT_READ_BY_OD_API})

"""Sigmoid cross entropy against a mixture of the label and the model's own prediction."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"alpha": Range(0, 1, use=0.95)})

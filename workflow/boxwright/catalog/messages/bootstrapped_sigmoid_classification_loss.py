"""Sigmoid cross entropy against a mixture of label and the model's own belief."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"alpha": Range(0, 1, use=0.95)})

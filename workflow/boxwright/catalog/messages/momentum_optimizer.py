"""Gradient descent with momentum."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"momentum_optimizer_value": Range(0, 1, below=True)})

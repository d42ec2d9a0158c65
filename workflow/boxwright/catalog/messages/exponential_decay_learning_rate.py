"""A factor every so many steps, after a burn-in."""

from boxwright.catalog.ranges import NOT_NEGATIVE, PART, Range
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "initial_learning_rate": NOT_NEGATIVE,
        "decay_steps": Range(1),
        "decay_factor": PART,
        "burnin_learning_rate": NOT_NEGATIVE,
        "min_learning_rate": NOT_NEGATIVE,
    }
)

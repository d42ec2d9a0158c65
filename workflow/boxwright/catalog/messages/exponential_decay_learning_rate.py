"""After a burn-in, the rate is multiplied by a factor every `decay_steps` steps."""

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

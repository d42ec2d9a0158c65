"""RMSprop with momentum."""

from boxwright.catalog.ranges import NOT_NEGATIVE, SHARE, Range
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "momentum_optimizer_value": Range(0, 1, below=True),
        "decay": SHARE,
        "epsilon": NOT_NEGATIVE,
    }
)

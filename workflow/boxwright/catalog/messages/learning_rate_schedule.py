"""From this step on, this rate."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"learning_rate": NOT_NEGATIVE})

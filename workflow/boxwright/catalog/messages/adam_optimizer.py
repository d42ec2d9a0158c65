"""Adam."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"epsilon": POSITIVE})

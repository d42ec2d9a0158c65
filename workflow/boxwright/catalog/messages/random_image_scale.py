"""Makes an image larger or smaller."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

# More than this is a typing error: no machine has the memory.
RATIO = Range(0, 16, above=True)

SPEC = Spec(
    fields={"min_scale_ratio": RATIO, "max_scale_ratio": RATIO},
    relations=(ordered("min_scale_ratio", "max_scale_ratio"),),
)

"""A square crop whose side is a random share of the longer side."""

from boxwright.catalog.ranges import LARGEST_SIDE, POSITIVE, Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "max_border": Range(0, LARGEST_SIDE),
        "num_scales": Range(1, 10**4),
        "scale_min": POSITIVE,
        "scale_max": POSITIVE,
    },
    relations=(ordered("scale_min", "scale_max"),),
)

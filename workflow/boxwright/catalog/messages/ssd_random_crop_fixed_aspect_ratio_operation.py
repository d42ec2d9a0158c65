"""One of the crops of a fixed aspect ratio to choose from."""

from boxwright.catalog.ranges import SHARE, Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "min_object_covered": SHARE,
        "min_area": Range(0, 1, above=True, use=0.1),
        "max_area": Range(0, 1, above=True, use=1.0),
        "overlap_thresh": SHARE,
        "random_coef": SHARE,
    },
    relations=(ordered("min_area", "max_area"),),
)

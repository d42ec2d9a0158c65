"""One of the crops that the SSD augmentation chooses from."""

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
        "min_aspect_ratio": Range(0, above=True, use=0.5),
        "max_aspect_ratio": Range(0, above=True, use=2.0),
    },
    relations=(ordered("min_area", "max_area"), ordered("min_aspect_ratio", "max_aspect_ratio")),
)

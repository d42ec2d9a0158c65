"""Makes large images smaller."""

from boxwright.catalog.ranges import LARGEST_SIDE, SHARE, Range
from boxwright.catalog.relations import apart
from boxwright.catalog.spec import Spec

PIXELS = Range(1, LARGEST_SIDE**2)

SPEC = Spec(
    fields={"random_coef": SHARE, "min_target_pixels": PIXELS, "max_target_pixels": PIXELS},
    relations=(apart("min_target_pixels", "max_target_pixels"),),
    unset={"max_target_pixels": 800_000},
)

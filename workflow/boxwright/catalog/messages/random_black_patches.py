"""Hides small squares."""

from boxwright.catalog.ranges import PART, SHARE, Range
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={"max_black_patches": Range(0, 10_000), "probability": SHARE, "size_to_image_ratio": PART},
)

"""Compresses images as JPEG."""

from boxwright.catalog.ranges import SHARE, Range
from boxwright.catalog.relations import apart
from boxwright.catalog.spec import Spec

QUALITY = Range(0, 100)

SPEC = Spec(
    fields={"random_coef": SHARE, "min_jpeg_quality": QUALITY, "max_jpeg_quality": QUALITY},
    relations=(apart("min_jpeg_quality", "max_jpeg_quality"),),
)

"""Crops as SSD does, then pads to one aspect ratio."""

from boxwright.catalog.messages.random_crop_pad_image import PADDED, PAIRS
from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={"aspect_ratio": POSITIVE, "min_padded_size_ratio": PADDED, "max_padded_size_ratio": PADDED},
    relations=PAIRS,
)

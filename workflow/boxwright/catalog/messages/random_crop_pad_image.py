"""Crops, then pads to a multiple of the size before."""

from boxwright.catalog.messages.random_crop_image import SPEC as CROP
from boxwright.catalog.ranges import Range
from boxwright.catalog.relations import listed
from boxwright.catalog.spec import Spec

# Multiples of the height and the width before the crop; more is a typing error: no machine has the memory.
PADDED = Range(0, 16, above=True)
PAIRS = (listed("min_padded_size_ratio", 0, 2), listed("max_padded_size_ratio", 0, 2))

SPEC = Spec(
    fields={
        **CROP.fields,
        "min_padded_size_ratio": PADDED,
        "max_padded_size_ratio": PADDED,
        "pad_color": Range(0, 255),
    },
    relations=(*CROP.relations, *PAIRS, listed("pad_color", 0, 3)),
)

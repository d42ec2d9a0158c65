"""Pads by a random number of pixels at the bottom and the right."""

from boxwright.catalog.ranges import LARGEST_SIDE, Range
from boxwright.catalog.relations import listed
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "max_height_padding": Range(0, LARGEST_SIDE),
        "max_width_padding": Range(0, LARGEST_SIDE),
        "pad_color": Range(0, 255),
    },
    relations=(listed("pad_color", 0, 3),),
)

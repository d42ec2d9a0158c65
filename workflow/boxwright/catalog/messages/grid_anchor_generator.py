"""Anchors on one grid, as the region proposal network uses them."""

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE, PIXELS, POSITIVE, Range
from boxwright.catalog.relations import not_empty
from boxwright.catalog.spec import Spec


def layers(message: Message) -> int:
    """How many feature maps the generator has anchors for."""
    return 1


SPEC = Spec(
    fields={
        "height": PIXELS,
        "width": PIXELS,
        "height_stride": Range(1, LARGEST_SIDE),
        "width_stride": Range(1, LARGEST_SIDE),
        "scales": POSITIVE,
        "aspect_ratios": POSITIVE,
    },
    relations=(not_empty("scales"), not_empty("aspect_ratios")),
)

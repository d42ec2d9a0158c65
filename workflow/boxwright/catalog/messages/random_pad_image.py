"""Pads to a random size in pixels."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE, Range
from boxwright.catalog.relations import listed, unordered
from boxwright.catalog.spec import Break, Spec, relation


def _sizes(side: str):
    """A largest size, where there is one, is not below the smallest."""
    least, most = f"min_image_{side}", f"max_image_{side}"

    @relation(least, most)
    def breaks(message: Message) -> Iterator[Break]:
        if message.HasField(most):
            yield from unordered(message, least, most)

    return breaks


_SIDE = Range(0, LARGEST_SIDE)

SPEC = Spec(
    fields={
        "min_image_height": _SIDE,
        "min_image_width": _SIDE,
        "max_image_height": _SIDE,
        "max_image_width": _SIDE,
        "pad_color": Range(0, 255),
    },
    relations=(_sizes("height"), _sizes("width"), listed("pad_color", 0, 3)),
)

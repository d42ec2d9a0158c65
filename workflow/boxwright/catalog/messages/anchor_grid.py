"""One grid of anchors; each anchor of a place has a size and an aspect ratio of its own."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE, POSITIVE, Range
from boxwright.catalog.relations import not_empty, plain
from boxwright.catalog.spec import Break, Spec, relation

_STRIDE = Range(1, LARGEST_SIDE, use=16)


@relation("base_sizes", "aspect_ratios")
def _pairs(message: Message) -> Iterator[Break]:
    count = len(message.base_sizes)
    if count and len(message.aspect_ratios) != count:
        why = f"it must have as many values as base_sizes, {count}: each anchor has one of both"
        yield "aspect_ratios", [plain(ratio) for ratio in message.aspect_ratios], why, [1.0] * count


SPEC = Spec(
    fields={
        "base_sizes": POSITIVE,
        "aspect_ratios": POSITIVE,
        "height_stride": _STRIDE,
        "width_stride": _STRIDE,
    },
    relations=(not_empty("base_sizes", use=None), _pairs),
)

"""The levels, the depth and the repetitions of a feature pyramid that goes both ways."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import CHANNELS, LAYERS, Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import LACKS, NOT_READ_BY_OD_API, Break, Spec

COMBINE_METHODS = ("fast_attention", "attention", "weighted_sum", "sum")


def _combine_method(message: Message) -> Iterator[Break]:
    if message.combine_method not in COMBINE_METHODS:
        yield "combine_method", message.combine_method, LACKS, COMBINE_METHODS[0]


# The backbones have maps of the levels 1 to 5.
SPEC = Spec(
    fields={
        "min_level": Range(1, 5),
        "max_level": Range(1, 14),
        "num_iterations": Range(1, LAYERS, use=3),
        "num_filters": Range(1, CHANNELS, use=64),
    },
    refusals=(_combine_method,),
    relations=(ordered("min_level", "max_level"),),
    no_effect={"use_native_resize_op": NOT_READ_BY_OD_API},
)

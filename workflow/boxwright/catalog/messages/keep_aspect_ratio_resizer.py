"""The shorter side becomes min_dimension unless the longer would exceed max_dimension."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE, PIXELS, Range
from boxwright.catalog.relations import listed, ordered
from boxwright.catalog.spec import Break, Spec, relation


@relation("max_dimension")
def _longest(message: Message) -> Iterator[Break]:
    """With padding every image gets the size max_dimension; without, it is only an upper limit."""
    if message.pad_to_max_dimension and message.max_dimension > LARGEST_SIDE:
        yield "max_dimension", message.max_dimension, f"it must be at most {LARGEST_SIDE:,} with padding", 1024


def sides(message: Message) -> tuple[str, ...]:
    """The fields that limit how small the sides of an image get."""
    return ("max_dimension",) if message.pad_to_max_dimension else ("min_dimension", "max_dimension")


def fixed(message: Message) -> tuple[str, ...]:
    """The fields that are, or divide, the sides of every image."""
    return ("max_dimension",) if message.pad_to_max_dimension else ()


SPEC = Spec(
    fields={"min_dimension": PIXELS, "max_dimension": Range(1)},
    relations=(ordered("min_dimension", "max_dimension"), _longest, listed("per_channel_pad_value", 0, 3)),
)

"""Images beyond a size threshold are brought to it, others are left."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE, Range
from boxwright.catalog.relations import enum_name
from boxwright.catalog.spec import Break, Spec, relation


@relation("size_threshold")
def _condition(message: Message) -> Iterator[Break]:
    if (condition := enum_name(message, "condition")) not in ("GREATER", "SMALLER"):
        yield "condition", condition, "it must be GREATER (longer sides shrink) or SMALLER (shorter sides grow)", None
    elif condition == "SMALLER" and message.size_threshold > LARGEST_SIDE:
        yield "size_threshold", message.size_threshold, f"images grow to it: at most {LARGEST_SIDE:,}", 300


def sides(message: Message) -> tuple[str, ...]:
    """The fields that bound how small the sides of an image get."""
    return ("size_threshold",) if enum_name(message, "condition") == "GREATER" else ()


SPEC = Spec(fields={"size_threshold": Range(1)}, relations=(_condition,))

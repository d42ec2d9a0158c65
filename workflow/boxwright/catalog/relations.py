"""What fields of many messages ask of each other."""

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog.spec import Break, Relation
from boxwright.protos.plain import short_float


def ordered(low: str, high: str) -> Relation:
    """`low` must not be above `high`."""
    return Relation((low, high), lambda message: unordered(message, low, high))


def unordered(message: Message, low: str, high: str) -> Iterator[Break]:
    """The break of a message whose `low` is above its `high`."""
    least, most = getattr(message, low), getattr(message, high)
    if least > most:
        yield low, plain(least), f"it must not be above {high}, which is {plain(most)}", plain(most)


def listed(name: str, *counts: int) -> Relation:
    """The list `name` must have as many values as one of `counts`."""

    def breaks(message: Message) -> Iterator[Break]:
        values = [plain(value) for value in getattr(message, name)]
        if len(values) not in counts:
            yield name, values, f"it must have {' or '.join(map(str, counts))} values", None

    return Relation((), breaks)


def not_empty(name: str) -> Relation:
    """The list `name`, without which there are no anchors, must have a value."""

    def breaks(message: Message) -> Iterator[Break]:
        if not getattr(message, name):
            yield name, None, "none is listed, and without one there are no anchors", [1.0]

    return Relation((), breaks)


def patterns(name: str) -> Relation:
    """The texts of the list `name` must be regular expressions."""

    def breaks(message: Message) -> Iterator[Break]:
        for index, pattern in enumerate(getattr(message, name)):
            try:
                re.compile(pattern)
            except re.error as error:
                yield f"{name}.{index}", pattern, f"it is not a regular expression: {error}", re.escape(pattern)

    return Relation((), breaks)


def plain(value: Any) -> Any:
    """A number as a person writes it."""
    return short_float(value) if isinstance(value, float) else value


def enum_name(message: Message, field: str) -> str:
    """The name of the value of an enum field."""
    return message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(message, field)].name

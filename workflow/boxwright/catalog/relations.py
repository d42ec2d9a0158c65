"""Relations between fields, and conditions on lists, that several messages share."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog.spec import Break, Relation
from boxwright.protos.plain import short_float


def ordered(low: str, high: str) -> Relation:
    """`low` must not be above `high`."""
    return Relation((low, high), lambda message: unordered(message, low, high))


def apart(low: str, high: str) -> Relation:
    """The whole number `low` must be below `high`, which is not among the numbers that are drawn."""

    def breaks(message: Message) -> Iterator[Break]:
        least, most = getattr(message, low), getattr(message, high)
        if least >= most:
            yield low, least, f"it must be below {high}, which is {most} and is never drawn itself", None

    return Relation((low, high), breaks)


def unordered(message: Message, low: str, high: str) -> Iterator[Break]:
    """The break if a message's `low` is above its `high`."""
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


def not_empty(name: str, use: Sequence[float] | None = (1.0,)) -> Relation:
    """The list `name` must not be empty, since there would be no anchors; `use` is told instead, unless None."""

    def breaks(message: Message) -> Iterator[Break]:
        if not getattr(message, name):
            yield name, None, "none is listed, and without one there are no anchors", use and list(use)

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
    """A number in its shortest form."""
    return short_float(value) if isinstance(value, float) else value


def enum_name(message: Message, field: str) -> str:
    """The name of the value of an enum field."""
    return message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(message, field)].name

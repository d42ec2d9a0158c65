"""The values of a message's fields as plain Python values in their shortest form."""

import struct
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def value_of(message: Message, field: FieldDescriptor) -> Any:
    """The value of a whole field: enums by name, short floats, messages as text; None if not set."""
    value = getattr(message, field.name)
    if not field.is_repeated:
        return plain(value, field) if message.HasField(field.name) else None
    if field.message_type and field.message_type.GetOptions().map_entry:
        return {key: value[key] for key in sorted(value)} or None
    return [plain(item, field) for item in value] or None


def plain(value: Any, field: FieldDescriptor) -> Any:
    """The plain form of one value of `field`, or of one item if it is repeated."""
    if field.message_type:
        return text_format.MessageToString(value, as_one_line=True, as_utf8=True)
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return short_float(value)
    return value


def short_float(value: float) -> float:
    """The shortest decimal number that is the same float32: 0.004, not 0.004000000189989805."""
    for digits in range(6, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return value

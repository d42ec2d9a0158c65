"""Describes the schema's fields and types in words for people."""

import difflib
from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def nearest(name: str, known: list[str]) -> str:
    """`nearest known: x`, or all known names if none is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"nearest known: {near[0]}"
    return f"known: {', '.join(sorted(known))}" if known else "it has no fields"


def elsewhere(name: str, message: Message, path: str = "") -> Iterator[str]:
    """The paths of all fields `name` of `message`, which is at `path`, and of the messages set below it."""
    if name in message.DESCRIPTOR.fields_by_name:
        yield f"{path}.{name}" if path else name
    for field, value in message.ListFields():
        if field.message_type and not field.message_type.GetOptions().map_entry:
            here = f"{path}.{field.name}" if path else field.name
            for index, item in enumerate(value) if field.is_repeated else [(None, value)]:
                yield from elsewhere(name, item, here if index is None else f"{here}.{index}")


def type_name(descriptor: FieldDescriptor) -> str:
    """The type of a field as a person writes it: `int32`, `bool`, `one of RELU, RELU_6`, `a message {...}`."""
    if descriptor.message_type:
        return f"a message {descriptor.message_type.name} {{ ... }}"
    if descriptor.enum_type:
        return "one of " + ", ".join(value.name for value in descriptor.enum_type.values)
    return SCALARS[descriptor.type]

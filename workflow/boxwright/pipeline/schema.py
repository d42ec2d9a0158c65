"""What the schema calls its fields and types, in words for people."""

import difflib

from google.protobuf.descriptor import FieldDescriptor

SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def nearest(name: str, known: list[str]) -> str:
    """`nearest known: x`, or all that are known when nothing is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"nearest known: {near[0]}"
    return f"known: {', '.join(sorted(known))}" if known else "it has no fields"


def type_name(descriptor: FieldDescriptor) -> str:
    """The type of a field as a person writes it: `int32`, `bool`, `one of RELU, RELU_6`, `a message {...}`."""
    if descriptor.message_type:
        return f"a message {descriptor.message_type.name} {{ ... }}"
    if descriptor.enum_type:
        return "one of " + ", ".join(value.name for value in descriptor.enum_type.values)
    return SCALARS[descriptor.type]

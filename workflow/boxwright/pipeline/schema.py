"""Describes the schema's fields and types in words for people."""

import difflib
from collections.abc import Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from boxwright import protos

# Blocks that are deeper in a configuration are not offered as the place of a field.
_DEEPEST, _MOST_HOMES = 3, 4
SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}
_WORDS = {
    "bool": "true or false",
    "string": "a text",
    "int32": "a whole number",
    "uint32": "a whole number of at least 0",
    "float": "a number",
}


def nearest(name: str, known: list[str]) -> str:
    """`nearest known: x`, or all known names if none is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"nearest known: {near[0]}"
    return f"known: {', '.join(sorted(known))}" if known else "it has no fields"


def homes(name: str, path: str) -> list[str]:
    """The blocks of a pipeline configuration that have a field `name`, which the block at `path` has not.

    Those around that block and those of its model come first and alone. Empty if the name says too little.
    """
    known = [home for home in _blocks().get(name, ()) if home]
    around = [home for home in known if f"{path}.".startswith(f"{home}.")]
    same = [home for home in known if home.split(".")[:2] == path.split(".")[:2] and home.count(".") > 0]
    found = around or same or known
    return found if len(found) <= _MOST_HOMES else []


@cache
def _blocks() -> dict[str, list[str]]:
    """By field, the paths of the blocks that have it, the outermost first; that of the configuration is empty."""
    found: dict[str, list[str]] = {}
    waiting: list[tuple[str, Descriptor]] = [("", protos.message("TrainEvalPipelineConfig").DESCRIPTOR)]
    while waiting:
        path, descriptor = waiting.pop(0)
        for field in descriptor.fields:
            if field.GetOptions().deprecated:
                continue
            found.setdefault(field.name, []).append(path)
            here = f"{path}.{field.name}" if path else field.name
            inner = field.message_type
            if inner and not inner.GetOptions().map_entry and here.count(".") < _DEEPEST:
                waiting.append((here, inner))
    return found


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
    """What a field takes, in words: "a whole number", "true or false", "one of RELU, RELU_6", "a block"."""
    if descriptor.message_type:
        return f"a block, `{descriptor.name} {{ ... }}`"
    if descriptor.enum_type:
        return "one of " + ", ".join(value.name for value in descriptor.enum_type.values)
    return _WORDS[SCALARS[descriptor.type]]

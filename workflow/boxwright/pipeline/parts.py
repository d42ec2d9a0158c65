"""Makes the part that a message chooses: finds its module by name and passes it the message's fields by name.

The modules are imported by name (see `catalog.parts`), so that the code identity of a run covers only the modules in
use, which `in_use` lists.
"""

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from google.protobuf.message import Message

from boxwright.catalog.parts import ROOMS
from boxwright.core.errors import UserError

Part = TypeVar("Part")


def make(message: Message, default: str = "", *, offered: Mapping[str, Any] = MappingProxyType({}), **more: Any) -> Any:
    """The part that `message` (`BoxCoder`, `PreprocessingStep`, ...) chooses, made from its numbers.

    default: the alternative if the message chooses none. more: arguments of `make` that are not in the message;
    offered: those that only some alternatives take.
    Raises UserError if none is chosen or boxwright does not have the alternative; the catalogue refuses both earlier,
    and says where.
    """
    name = choice(message) or default
    if not name or not importlib.util.find_spec(module_of(message, name)):
        what = f"{name} is not supported" if name else f"{message.DESCRIPTOR.oneofs[0].name} is not set"
        raise UserError(f"{message.DESCRIPTOR.name}: {what}. Supported: {', '.join(available(message))}.")
    return fill(importlib.import_module(module_of(message, name)).make, getattr(message, name), offered, **more)


def fill(
    function: Callable[..., Part], message: Message, offered: Mapping[str, Any] = MappingProxyType({}), **more: Any
) -> Part:
    """The result of `function` for the fields of `message` and what is `offered`, passed by name, and `more`.

    Fields that it does not take are left out, because they have no effect here, and so is what is offered.
    """
    taken = inspect.signature(function).parameters
    found = {**numbers(message), **offered}
    return function(**{key: value for key, value in found.items() if key in taken}, **more)


def available(message: Message) -> list[str]:
    """The alternatives of a message with one oneof that boxwright has a module for, in the schema's order."""
    (oneof,) = message.DESCRIPTOR.oneofs
    return [field.name for field in oneof.fields if importlib.util.find_spec(module_of(message, field.name))]


def choice(message: Message) -> str:
    """The name of the alternative that a message with one oneof has chosen; "" if none."""
    (oneof,) = message.DESCRIPTOR.oneofs
    return message.WhichOneof(oneof.name) or ""


def module_of(message: Message, name: str) -> str:
    """The dotted name of the module for the alternative `name` of a message."""
    return f"{ROOMS[message.DESCRIPTOR.name]}.{name}"


def numbers(message: Message) -> dict[str, Any]:
    """The fields of a message as plain Python: numbers as they are, enums by name, lists, messages as dicts.

    Fields that are not set and have no default in the schema are left out: the part has its own default.
    """
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[field.name] = dict(value)
        elif field.is_repeated:
            found[field.name] = [_plain(item, field) for item in value]
        elif message.HasField(field.name) or field.has_default_value:
            found[field.name] = _plain(value, field)
    return found


def _plain(value: Any, field: Any) -> Any:
    if field.message_type is not None:
        return numbers(value)
    return field.enum_type.values_by_number[value].name if field.enum_type is not None else value


def in_use(message: Message) -> Iterator[str]:
    """The dotted names of the modules of all parts that `message` and the messages set below it choose."""
    if message.DESCRIPTOR.name in ROOMS and (name := choice(message)):
        yield module_of(message, name)
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for item in value if field.is_repeated else [value]:
                yield from in_use(item)

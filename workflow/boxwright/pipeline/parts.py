"""From a message that chooses to the part that it chooses: its module by name, its numbers by the names of the fields.

The modules are imported by name (see `catalog.parts`), so that the code identity of a run holds those in use and no
others: whoever plans a run asks `in_use`.
"""

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from google.protobuf.message import Message

from boxwright.catalog.parts import ROOMS
from boxwright.core.errors import UserError

Part = TypeVar("Part")


def make(message: Message, default: str = "", **more: Any) -> Any:
    """The part that `message` (`BoxCoder`, `PreprocessingStep`, ...) chooses, made from its numbers.

    default: the alternative where the message chooses none. more: arguments of `make` that are not in the message.
    Raises UserError where none is chosen and for an alternative that boxwright does not have; the catalogue refuses
    both before, and says where.
    """
    name = choice(message) or default
    if not name or not importlib.util.find_spec(module_of(message, name)):
        what = f"{name} is not supported" if name else f"{message.DESCRIPTOR.oneofs[0].name} is not set"
        raise UserError(f"{message.DESCRIPTOR.name}: {what}. Supported: {', '.join(available(message))}.")
    return fill(importlib.import_module(module_of(message, name)).make, getattr(message, name), **more)


def fill(function: Callable[..., Part], message: Message, **more: Any) -> Part:
    """What `function` gives for the numbers of `message`, by the names of the fields, and `more`.

    Fields that it does not take are left out: they decide nothing here.
    """
    taken = inspect.signature(function).parameters
    return function(**{key: value for key, value in numbers(message).items() if key in taken}, **more)


def available(message: Message) -> list[str]:
    """The alternatives of a message with one oneof that boxwright has a module for, in the schema's order."""
    (oneof,) = message.DESCRIPTOR.oneofs
    return [field.name for field in oneof.fields if importlib.util.find_spec(module_of(message, field.name))]


def choice(message: Message) -> str:
    """The name of the alternative that a message with one oneof has chosen; "" if none."""
    (oneof,) = message.DESCRIPTOR.oneofs
    return message.WhichOneof(oneof.name) or ""


def module_of(message: Message, name: str) -> str:
    """The dotted name of the module that the alternative `name` of a message stands for."""
    return f"{ROOMS[message.DESCRIPTOR.name]}.{name}"


def numbers(message: Message) -> dict[str, Any]:
    """The fields of a message as plain Python: numbers as they are, enums by name, lists, messages as dicts.

    Left out are fields that are not set and have no default in the schema: their value is for the part to know.
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

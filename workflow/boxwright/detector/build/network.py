"""Find the parts of a network by the names in a row of the catalogue, and their arguments by the names of fields."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from google.protobuf.message import Message

from boxwright.detector.build import hyperparams
from boxwright.pipeline import parts

Part = TypeVar("Part")


def module(room: str, name: str) -> ModuleType:
    """The module of a backbone, neck or head: `room` is backbones, necks or heads."""
    return importlib.import_module(f"boxwright.detector.{room}.{name}")


def fields(message: Message) -> dict[str, Any]:
    """The fields of a message as plain values (see `parts.numbers`), `Hyperparams` as settings even where unset."""
    found = parts.numbers(message)
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.name == "Hyperparams":
            found[field.name] = hyperparams.from_message(getattr(message, field.name))
    return found


def call(function: Callable[..., Part], *arguments: Any, offered: Mapping[str, Any], **needed: Any) -> Part:
    """Call `function` with `arguments`, with those of the `offered` that it takes, and with all of the `needed`."""
    taken = inspect.signature(function).parameters
    chosen = {name: value for name, value in offered.items() if name in taken and name not in needed}
    return function(*arguments, **chosen, **needed)

"""Sets fields of messages to plain Python values, as YAML gives them, and checks these against the schema's types."""

import difflib
import json
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from boxwright.pipeline.schema import SCALARS, nearest, type_name


class MistakeError(Exception):
    """A value that does not fit its field, or a path that leads to no field."""


class UnknownFieldError(MistakeError):
    """A path that leads to no field. told: that, in words; meant: the path of a field that it may misspell, or None."""

    def __init__(self, told: str, hint: str, meant: str | None) -> None:
        super().__init__(f"{told}; {hint}")
        self.told, self.meant = told, meant


def assign(message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    """Replace all of `field`, which is at `path`, with a plain Python value. Raises MistakeError if it does not fit."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        _assign_map(message, field, value, path)
    elif field.is_repeated:
        if not isinstance(value, list | tuple):
            raise MistakeError(f"`{path}` is a list: {_as_item(field, value)}.")
        convert = block if field.message_type else scalar
        items = [convert(field, item, f"{path}.{i}") for i, item in enumerate(value)]
        message.ClearField(field.name)
        getattr(message, field.name).extend(items)
    elif field.message_type:
        getattr(message, field.name).CopyFrom(block(field, value, path))
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, scalar(field, value, path))


def _as_item(field: FieldDescriptor, value: Any) -> str:
    """How `value` is written as the only item of a list, or why it is none, a clause."""
    if not field.message_type:
        try:
            scalar(field, value, "")
        except MistakeError:
            return f"each item takes {type_name(field)}, not {_shown(value)}"
    return f"write `[{_block(field, value) or value}]`"


def _assign_map(message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    if not isinstance(value, Mapping):
        raise MistakeError(f"`{path}` takes a block of entries, not {_shown(value)}.")
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    message.ClearField(field.name)
    entries = getattr(message, field.name)
    for key, item in value.items():
        key = scalar(key_field, key, path)
        if value_field.message_type:
            entries[key].CopyFrom(block(value_field, item, f"{path}.{key}"))
        else:
            entries[key] = scalar(value_field, item, f"{path}.{key}")


def block(field: FieldDescriptor, value: Any, path: str) -> Message:
    """A message of the field's type from a mapping of its fields."""
    if not isinstance(value, Mapping):
        raise MistakeError(f"`{path}` is a block: write `{_block(field, value)}`, not {_shown(value)}.")
    new = message_factory.GetMessageClass(field.message_type)()
    for name, item in value.items():
        inner = _field(new.DESCRIPTOR, str(name), path)
        present = inner.containing_oneof and new.WhichOneof(inner.containing_oneof.name)
        if present:
            raise MistakeError(f"`{path}` can hold only one of `{present}` and `{inner.name}`.")
        if item is None and inner.message_type and not inner.is_repeated:
            raise MistakeError(f"`{path}.{inner.name}` is null: write `{{}}` for an empty block, or leave it out.")
        if item is not None:
            assign(new, inner, item, f"{path}.{inner.name}")
    return new


def _block(field: FieldDescriptor, value: Any) -> str:
    """An example of a block of the field's type in place of `value`; empty for a field that is not a block."""
    if not field.message_type or isinstance(value, Mapping):
        return ""
    names = list(field.message_type.fields_by_name)
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.4) or names[:1]
    return f"{{{near[0]}: ...}}" if near else "{}"


def _field(descriptor: Descriptor, name: str, path: str) -> FieldDescriptor:
    field = descriptor.fields_by_name.get(name)
    if field is None:
        raise unknown(descriptor, name, path)
    return field


def unknown(descriptor: Descriptor, name: str, path: str, elsewhere: str | None = None) -> UnknownFieldError:
    """That the message at `path` has no field `name`, with the one that is meant: `elsewhere` or the nearest there."""
    near = difflib.get_close_matches(name, descriptor.fields_by_name, n=1, cutoff=0.6)
    meant = elsewhere or (f"{path}.{near[0]}".lstrip(".") if near else None)
    hint = f"did you mean `{elsewhere}`?" if elsewhere else f"{nearest(name, list(descriptor.fields_by_name))}."
    return UnknownFieldError(f"{path or 'the configuration'} has no field `{name}`", hint, meant)


def scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    """`value` checked against the type of `field`."""
    if field.enum_type:
        names = [entry.name for entry in field.enum_type.values]
        if value in names:
            return field.enum_type.values_by_name[value].number
        near = difflib.get_close_matches(str(value).upper(), names, n=1)
        hint = f" Nearest: {near[0]}." if near else ""
        raise MistakeError(f"`{path}` takes {type_name(field)}, not {_shown(value)}.{hint}")
    checked = _CHECKS[SCALARS[field.type]](value)
    if checked is None:
        raise MistakeError(f"`{path}` takes {expected(field, value)}, not {_shown(value)}.")
    return checked


def expected(field: FieldDescriptor, value: Any) -> str:
    """What a field takes, in words; with bounds that no one meets by chance if a whole number is beyond the upper."""
    low, high = _BOUNDS.get(SCALARS[field.type], (0, math.inf))
    is_beyond = isinstance(value, int | float) and not isinstance(value, bool) and value > high
    return f"a whole number from {low} to {high}" if is_beyond else type_name(field)


def _shown(value: Any) -> str:
    """A value as YAML writes it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def _integer(low: int, high: int) -> Any:
    def check(value: Any) -> int | None:
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None

    return check


def _float(value: Any) -> float | None:
    """YAML 1.1 reads 1e-4, without a point, as text: such text counts as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= 3.4028234663852886e38 else None


def _string(value: Any) -> str | None:
    """Text that can be encoded; half of a surrogate pair ("\\ud800" in YAML) cannot."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


_BOUNDS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_CHECKS = {
    "bool": lambda value: value if isinstance(value, bool) else None,
    "string": _string,
    **{kind: _integer(*bounds) for kind, bounds in _BOUNDS.items()},
    "float": _float,
}

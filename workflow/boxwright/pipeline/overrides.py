"""Set fields of a pipeline configuration by dotted path: `train_config.optimizer.adam_optimizer.epsilon: 1e-7`.

List elements are chosen by index (`train_config.data_augmentation_options.0`, an index one past the end appends), enum
values by name. The value of a message is a mapping of its fields, of a list a list; both replace what was there. None
clears a field. Setting a member of a one-of clears the member that was set, which is one more Change.
"""

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from boxwright.errors import UserError
from boxwright.pipeline.changes import Change, plain, value_of
from boxwright.pipeline.schema import SCALARS, nearest, type_name

WHY = "override"


def apply(config: Message, overrides: Mapping[str, Any]) -> list[Change]:
    """Set every path of `overrides` in `config`, in the mapping's order; a Change for each that was another value.

    Raises one UserError which tells of all unknown fields and values of a wrong type; `config` is then unchanged.
    """
    new = type(config)()
    new.CopyFrom(config)
    changes, mistakes = [], []
    for path, value in overrides.items():
        try:
            changes += _override(new, str(path), value)
        except _MistakeError as mistake:
            mistakes.append(f"override `{path}`: {str(mistake).removeprefix(f'`{path}` ')}")
    if mistakes:
        raise UserError("\n".join(mistakes))
    config.CopyFrom(new)
    return changes


def _override(config: Message, path: str, value: Any) -> list[Change]:
    """Walk down `path` and set its end."""
    message, changes, done = config, [], []
    parts = [part for part in re.split(r"\.|\[(-?\d+)\]\.?", path, flags=re.ASCII) if part]
    if not parts:
        raise _MistakeError("the path is empty.")
    while True:
        field = _field(message.DESCRIPTOR, parts.pop(0), ".".join(done))
        changes += _displaced(message, field, ".".join(done), clearing=value is None)
        done.append(field.name)
        index = _index(message, field, parts, done) if field.is_repeated and parts else None
        if not parts:
            return changes + _set(message, field, index, value, ".".join(done))
        if not field.message_type:
            raise _MistakeError(f"`{'.'.join(done)}` is {type_name(field)} and has no field `{parts[0]}`.")
        if index is None and field.is_repeated:
            raise _MistakeError(f"`{'.'.join(done)}` is a list: write an index before `{parts[0]}`.")
        child = getattr(message, field.name)
        absent = index == len(child) if index is not None else not message.HasField(field.name)
        if absent and value is None:
            return changes
        if index is not None:
            child = child.add() if absent else child[index]
        else:
            child.SetInParent()
        message = child


def _field(descriptor: Descriptor, name: str, path: str) -> FieldDescriptor:
    field = descriptor.fields_by_name.get(name)
    if field is None:
        hint = nearest(name, list(descriptor.fields_by_name))
        raise _MistakeError(f"{path or descriptor.name} has no field `{name}`; {hint}.")
    return field


def _displaced(message: Message, field: FieldDescriptor, path: str, clearing: bool) -> list[Change]:
    """The change that setting `field` makes to the other members of its one-of."""
    group = field.containing_oneof
    present = group and message.WhichOneof(group.name)
    if not present or present == field.name or clearing:
        return []
    if message.DESCRIPTOR.name == "DetectionModel":
        raise _MistakeError(f"the model is `{present}`, not `{field.name}`: write `model.{present}`.")
    other = f"{path}.{present}" if path else present
    before = value_of(message, message.DESCRIPTOR.fields_by_name[present])
    message.ClearField(present)
    return [Change(other, before, None, f"{WHY}: only one of `{present}` and `{field.name}` can be set")]


def _index(message: Message, field: FieldDescriptor, parts: list[str], done: list[str]) -> int | None:
    """The list index at the head of `parts`, taken off it."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        raise _MistakeError(f"`{'.'.join(done)}` is a mapping with entries, not fields: give it whole as the value.")
    if re.fullmatch(r"-\d+|\[-?\d+\]?", parts[0], re.ASCII):
        raise _MistakeError(f"`{'.'.join(done)}` has no element `{parts[0]}`: write `.0` or `[0]` for the first.")
    if not re.fullmatch(r"\d+", parts[0], re.ASCII):
        return None
    index, length = int(parts.pop(0)), len(getattr(message, field.name))
    if index > length:
        raise _MistakeError(f"`{'.'.join(done)}` has {length} elements, so {length} is the next index, not {index}.")
    done.append(str(index))
    return index


def _set(message: Message, field: FieldDescriptor, index: int | None, value: Any, path: str) -> list[Change]:
    """Set or clear `field`, or its element `index`."""
    if index is not None:
        return _set_element(message, field, index, value, path)
    before = value_of(message, field)
    if value is None:
        message.ClearField(field.name)
    else:
        assign(message, field, value, path)
    after = value_of(message, field)
    return [Change(path, before, after, WHY)] if before != after else []


def _set_element(message: Message, field: FieldDescriptor, index: int, value: Any, path: str) -> list[Change]:
    items = getattr(message, field.name)
    before = plain(items[index], field) if index < len(items) else None
    if value is None:
        if before is None:
            return []
        del items[index]
        return [Change(path, before, None, WHY)]
    if field.message_type:
        new = _message(field, value, path)
        (items[index] if index < len(items) else items.add()).CopyFrom(new)
    elif index < len(items):
        items[index] = _scalar(field, value, path)
    else:
        items.append(_scalar(field, value, path))
    after = plain(items[index], field)
    return [Change(path, before, after, WHY)] if before != after else []


def assign(message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    """Replace the whole of `field` by a plain Python value."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        _assign_map(message, field, value, path)
    elif field.is_repeated:
        if not isinstance(value, list | tuple):
            raise _MistakeError(f"`{path}` is a list of {SCALARS[field.type]}, not {value!r}.")
        convert = _message if field.message_type else _scalar
        items = [convert(field, item, f"{path}.{i}") for i, item in enumerate(value)]
        message.ClearField(field.name)
        getattr(message, field.name).extend(items)
    elif field.message_type:
        getattr(message, field.name).CopyFrom(_message(field, value, path))
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, _scalar(field, value, path))


def _assign_map(message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    if not isinstance(value, Mapping):
        raise _MistakeError(f"`{path}` takes a mapping, not {value!r}.")
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    message.ClearField(field.name)
    entries = getattr(message, field.name)
    for key, item in value.items():
        key = _scalar(key_field, key, path)
        if value_field.message_type:
            entries[key].CopyFrom(_message(value_field, item, f"{path}.{key}"))
        else:
            entries[key] = _scalar(value_field, item, f"{path}.{key}")


def _message(field: FieldDescriptor, value: Any, path: str) -> Message:
    """A message of the field's type from a mapping of its fields."""
    if not isinstance(value, Mapping):
        raise _MistakeError(f"`{path}` takes {type_name(field)}, so a mapping of its fields, not {value!r}.")
    new = message_factory.GetMessageClass(field.message_type)()
    for name, item in value.items():
        inner = _field(new.DESCRIPTOR, str(name), path)
        present = inner.containing_oneof and new.WhichOneof(inner.containing_oneof.name)
        if present:
            raise _MistakeError(f"`{path}` can hold only one of `{present}` and `{inner.name}`.")
        if item is not None:
            assign(new, inner, item, f"{path}.{inner.name}")
    return new


def _scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    """`value` checked against the type of `field`."""
    if field.enum_type:
        names = [entry.name for entry in field.enum_type.values]
        if value in names:
            return field.enum_type.values_by_name[value].number
        near = difflib.get_close_matches(str(value).upper(), names, n=1)
        hint = f" Nearest: {near[0]}." if near else ""
        raise _MistakeError(f"`{path}` takes {type_name(field)}, not {value!r}.{hint}")
    checked = _CHECKS[SCALARS[field.type]](value)
    if checked is None:
        raise _MistakeError(f"`{path}` takes {_EXPECTED[SCALARS[field.type]]}, not {value!r}.")
    return checked


def _integer(low: int, high: int) -> Any:
    def check(value: Any) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None

    return check


def _float(value: Any) -> float | None:
    """YAML 1.1 reads 1e-4, without a point, as text: such text is taken for the number that it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= 3.4028234663852886e38 else None


def _string(value: Any) -> str | None:
    """Text that can be written: half of a surrogate pair, as "\\ud800" in YAML gives, cannot."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


_CHECKS = {
    "bool": lambda value: value if isinstance(value, bool) else None,
    "string": _string,
    "int32": _integer(-(2**31), 2**31 - 1),
    "uint32": _integer(0, 2**32 - 1),
    "float": _float,
}
_EXPECTED = {
    "bool": "true or false",
    "string": "text",
    "int32": "a whole number (int32)",
    "uint32": "a whole number from 0 (uint32)",
    "float": "a number (float)",
}


class _MistakeError(Exception):
    """One override that cannot be applied; they are collected."""

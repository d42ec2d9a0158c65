"""Sets fields of a pipeline configuration by dotted path: `train_config.optimizer.adam_optimizer.epsilon: 1e-7`.

List elements are chosen by index (`train_config.data_augmentation_options.0`, an index one past the end appends), enum
values by name. The value of a message is a mapping of its fields, the value of a list is a list; both replace the old
value. None clears a field. Setting a member of a one-of clears the member that was set, which is one more Change.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright.core.errors import UserError
from boxwright.pipeline import values
from boxwright.pipeline.changes import Change
from boxwright.pipeline.schema import elsewhere, type_name
from boxwright.pipeline.values import MistakeError, UnknownFieldError
from boxwright.protos.plain import plain, value_of

WHY = "override"


def apply(config: Message, overrides: Mapping[str, Any]) -> list[Change]:
    """Set every path of `overrides` in `config`, in the mapping's order; return a Change for each value that differs.

    Raises one UserError with all unknown fields and all values of a wrong type; `config` is then unchanged.
    """
    new = type(config)()
    new.CopyFrom(config)
    changes, mistakes = [], []
    for path, value in overrides.items():
        try:
            changes += _override(new, str(path), value)
        except MistakeError as mistake:
            mistakes.append(f"override `{path}`: {str(mistake).removeprefix(f'`{path}` ')}")
    if mistakes:
        raise UserError("\n".join(mistakes))
    config.CopyFrom(new)
    return changes


def _override(config: Message, path: str, value: Any) -> list[Change]:
    """Follow `path` and set the field at its end."""
    message, changes, done = config, [], []
    parts = [part for part in re.split(r"\.|\[(-?\d+)\]\.?", path, flags=re.ASCII) if part]
    if not parts:
        raise MistakeError("the path is empty.")
    while True:
        if parts[0] not in message.DESCRIPTOR.fields_by_name:
            raise _unknown(config, message, parts[0], ".".join(done))
        field = message.DESCRIPTOR.fields_by_name[parts.pop(0)]
        if message.DESCRIPTOR.name == "DetectionModel" and value is not None:
            _require_family(config, message, field, path, value)
        changes += _displaced(message, field, ".".join(done), clearing=value is None)
        done.append(field.name)
        index = _index(message, field, parts, done) if field.is_repeated and parts else None
        if not parts:
            return changes + _set(message, field, index, value, ".".join(done))
        if not field.message_type:
            raise MistakeError(f"`{'.'.join(done)}` takes {type_name(field)}: it has no field `{parts[0]}`.")
        if index is None and field.is_repeated:
            here, count = ".".join(done), len(getattr(message, field.name))
            raise MistakeError(
                f"`{here}` is a list: write an index before `{parts[0]}`, as in `{here}.0`; `.{count}` appends."
            )
        child = getattr(message, field.name)
        absent = index == len(child) if index is not None else not message.HasField(field.name)
        if absent and value is None:
            return changes
        if index is not None:
            child = child.add() if absent else child[index]
        else:
            child.SetInParent()
        message = child


def _unknown(config: Message, message: Message, name: str, path: str) -> MistakeError:
    """That `message` at `path` has no field `name`, with the nearest known one: there, below, or in `config`."""
    if "/" in name:
        return MistakeError(f"a path uses dots: write `{name.replace('/', '.')}`.")
    found = [*elsewhere(name, message, path), *elsewhere(name, config)]
    return values.unknown(message.DESCRIPTOR, name, path, _down(config, found[0]) if found else None)


def misspelt(config: Message, overrides: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The overrides of fields that are not there but may mean others: each with the words for it and the field meant.

    The fields meant are those of `config`, which stays as it is.
    """
    for path, value in overrides.items():
        tried = type(config)()
        tried.CopyFrom(config)
        try:
            _override(tried, str(path), value)
        except UnknownFieldError as mistake:
            if mistake.meant:
                yield str(path), mistake.told, mistake.meant
        except MistakeError:  # told elsewhere
            pass


def can_be_set(config: Message, path: str, value: Any) -> bool:
    """Whether an override of a path in `config` can have a value other than None; `config` stays as it is."""
    tried = type(config)()
    tried.CopyFrom(config)
    try:
        apply(tried, {path: value})
    except UserError:
        return False
    return value is not None


def values_below(config: Message, path: str) -> list[str] | None:
    """The paths of the single values that are set below a block of `config`; None if no block is there."""
    block = _at(config, path)
    if not isinstance(block, Message):
        return None
    found: list[str] = []
    for field in (field for field, _ in block.ListFields() if not field.is_repeated):
        here = f"{path}.{field.name}"
        found += [here] if field.message_type is None else values_below(config, here) or []
    return found


def fields_named(config: Message, name: str) -> list[str]:
    """The paths of the fields of `config`, and of the blocks that it sets, with a name; see `_down`."""
    return list(dict.fromkeys(_down(config, path) for path in elsewhere(name, config)))


def _down(config: Message, path: str) -> str:
    """`path`; if it leads to a block of alternatives, the number of that name in the one that is chosen."""
    message, name = _at(config, path), path.rpartition(".")[2]
    groups = message.DESCRIPTOR.oneofs if isinstance(message, Message) else ()
    for chosen in filter(None, (message.WhichOneof(group.name) for group in groups)):
        block = getattr(message, chosen)
        fields = block.DESCRIPTOR.fields if isinstance(block, Message) else ()
        # `momentum_optimizer_value` is a value of a momentum_optimizer and no optimizer.
        alike = (one.name for one in fields if name in one.name.replace(chosen, "") and not one.message_type)
        if number := next(alike, None):
            return f"{path}.{chosen}.{number}"
    return path


def _at(config: Message, path: str) -> Any:
    """What is at a path of `config`; None if nothing is there."""
    found: Any = config
    for part in path.split("."):
        if isinstance(found, Message) and part in found.DESCRIPTOR.fields_by_name:
            found = getattr(found, part)
        elif part.isdigit() and not isinstance(found, Message) and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def _require_family(config: Message, model: Message, field: FieldDescriptor, path: str, value: Any) -> None:
    """Raise MistakeError if a path leads into another family than that of the `model`."""
    present = model.WhichOneof(field.containing_oneof.name)
    if present in (None, field.name):
        return
    instead = path.replace(f"model.{field.name}", f"model.{present}", 1)
    if can_be_set(config, instead, value):
        raise MistakeError(f"the model is `{present}`, not `{field.name}`: write `{instead}`.")
    raise MistakeError(
        f"the model is `{present}`, not `{field.name}`, and has no such field: leave the override out, or take the "
        f"pipeline.config of a model of the family `{field.name}`."
    )


def _displaced(message: Message, field: FieldDescriptor, path: str, clearing: bool) -> list[Change]:
    """The change that setting `field` makes to the other members of its one-of."""
    group = field.containing_oneof
    present = group and message.WhichOneof(group.name)
    if not present or present == field.name or clearing:
        return []
    other = f"{path}.{present}" if path else present
    before = value_of(message, message.DESCRIPTOR.fields_by_name[present])
    message.ClearField(present)
    return [Change(other, before, None, f"{WHY}: only one of `{present}` and `{field.name}` can be set")]


def _index(message: Message, field: FieldDescriptor, parts: list[str], done: list[str]) -> int | None:
    """Remove the list index from the head of `parts` and return it."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        raise MistakeError(f"`{'.'.join(done)}` has entries, not fields: give a whole block of entries as value.")
    if re.fullmatch(r"-\d+|\[-?\d+\]?", parts[0], re.ASCII):
        raise MistakeError(f"`{'.'.join(done)}` has no element `{parts[0]}`: write `.0` or `[0]` for the first.")
    if not re.fullmatch(r"\d+", parts[0], re.ASCII):
        return None
    digits, length = parts.pop(0), len(getattr(message, field.name))
    if len(digits.lstrip("0")) > 9 or int(digits) > length:
        shown = digits if len(digits) <= 20 else f"{digits[:20]}..."
        raise MistakeError(f"`{'.'.join(done)}` has {length} elements, so {length} is the next index, not {shown}.")
    index = int(digits)
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
        values.assign(message, field, value, path)
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
        new = values.block(field, value, path)
        (items[index] if index < len(items) else items.add()).CopyFrom(new)
    elif index < len(items):
        items[index] = values.scalar(field, value, path)
    else:
        items.append(values.scalar(field, value, path))
    after = plain(items[index], field)
    return [Change(path, before, after, WHY)] if before != after else []

"""Messages of the whole schema with every field set, and their text in every way that people write it."""

import random
from collections.abc import Iterator
from typing import Any

from google.protobuf import message_factory, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright import protos

# What the numbers of a message may be; the first are plain, the others are mistakes that people make.
NUMBERS = {
    "plain": {"int": 3, "float": 0.25},
    "zero": {"int": 0, "float": 0.0},
    "large": {"int": 2**31 - 1, "float": 3e38},
    "tiny": {"int": 1, "float": 1e-38},
    "negative": {"int": -1, "float": -0.5},
    "infinite": {"int": 1, "float": float("inf")},
    "undefined": {"int": 1, "float": float("nan")},
}
STRING = "a 'b' \"c\" # ü \\ \n{}"
UNSIGNED = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)


def variants() -> int:
    """How many messages it takes until each member of each one-of was chosen."""
    return max(len(oneof.fields) for oneof in _oneofs(protos.TrainEvalPipelineConfig.DESCRIPTOR, set()))


def filled(choice: int, numbers: str = "plain") -> Message:
    """A TrainEvalPipelineConfig with all fields set; of each one-of the member `choice`, counted round."""
    message = protos.TrainEvalPipelineConfig()
    _fill(message, choice, NUMBERS[numbers])
    return message


def leaves(message: Message, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value, as an override takes it, of every field that holds no other; empty messages are {}."""
    for field, value in message.ListFields():
        here = f"{path}.{field.name}" if path else field.name
        if is_map(field):
            yield here, {key: _plain(value[key]) for key in value}
        else:
            for index, item in enumerate(value if field.is_repeated else [value]):
                inner = f"{here}.{index}" if field.is_repeated else here
                if field.message_type and item.ListFields():
                    yield from leaves(item, inner)
                elif field.message_type:
                    yield inner, {}
                else:
                    yield inner, field.enum_type.values_by_number[item].name if field.enum_type else item


def _plain(item: Any) -> Any:
    """A message as a mapping, in which an override takes it; another value as it is."""
    if not isinstance(item, Message):
        return item
    mapping: dict[str, Any] = {}
    for path, value in leaves(item):
        *parents, last = path.split(".")
        inner = mapping
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return _listed(mapping)


def _listed(item: Any) -> Any:
    """Mappings whose keys are the indices of a list as lists."""
    if not isinstance(item, dict):
        return item
    inner = {key: _listed(value) for key, value in item.items()}
    return list(inner.values()) if inner and all(isinstance(key, str) and key.isdigit() for key in inner) else inner


def is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type) and field.message_type.GetOptions().map_entry


def written(message: Message, seed: int) -> str:
    """The message as text protobuf that draws its syntax anew at every token."""
    return _Writer(random.Random(seed)).message(message, 0)


def _oneofs(descriptor, seen: set[str]) -> Iterator[Any]:
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    yield from descriptor.oneofs
    for field in descriptor.fields:
        if field.message_type:
            yield from _oneofs(field.message_type, seen)


def _fill(message: Message, choice: int, numbers: dict[str, Any]) -> None:
    for field in message.DESCRIPTOR.fields:
        group = field.containing_oneof
        if group and group.fields[choice % len(group.fields)] is not field:
            continue
        if is_map(field):
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            entries = getattr(message, field.name)
            if value.message_type:
                _fill(entries[_scalar(key, numbers)], choice, numbers)
            else:
                entries[_scalar(key, numbers)] = _scalar(value, numbers)
        elif field.message_type:
            inner = getattr(message, field.name)
            for item in [inner.add(), inner.add()] if field.is_repeated else [inner]:
                item.SetInParent()
                _fill(item, choice, numbers)
        elif field.is_repeated:
            getattr(message, field.name).extend([_scalar(field, numbers)] * 2)
        else:
            setattr(message, field.name, _scalar(field, numbers))


def _scalar(field: FieldDescriptor, numbers: dict[str, Any]) -> Any:
    if field.enum_type:
        return field.enum_type.values[-1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return not field.default_value
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return STRING
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return numbers["float"]
    return max(numbers["int"], 0) if field.type in UNSIGNED else numbers["int"]


class _Writer:
    def __init__(self, chance: random.Random):
        self.chance = chance

    def message(self, message: Message, depth: int) -> str:
        pieces = []
        for field, value in message.ListFields():
            if is_map(field):
                entry = message_factory.GetMessageClass(field.message_type)
                value = [entry(key=key, value=value[key]) for key in value]
            items = list(value) if field.is_repeated else [value]
            if field.is_repeated and self.chance.random() < 0.5:
                inner = f",{self.space()}".join(self.value(field, item, depth) for item in items)
                colon = ":" if not field.message_type or self.chance.random() < 0.5 else ""
                pieces.append(f"{field.name}{colon}{self.space()}[{self.space()}{inner}{self.space()}]{self.end()}")
                continue
            for item in items:
                colon = ":" if not field.message_type or self.chance.random() < 0.5 else ""
                value_text = self.value(field, item, depth)
                pieces.append(f"{field.name}{colon}{self.space()}{value_text}{self.end()}")
        return "".join(pieces)

    def value(self, field: FieldDescriptor, item: Any, depth: int) -> str:
        if field.message_type:
            opening, closing = self.chance.choice(["{}", "<>"])
            return f"{opening}{self.space()}{self.message(item, depth + 1)}{closing}"
        if field.enum_type:
            return field.enum_type.values_by_number[item].name
        if isinstance(item, bool):
            return self.chance.choice(["true", "True", "1", "t"] if item else ["false", "False", "0", "f"])
        if isinstance(item, str):
            return self.string(item)
        if isinstance(item, int):
            return self.chance.choice([str(item), hex(item)])
        return self.chance.choice([f"{item:.9g}", f"{item:.8e}", f"{item:.9g}f"])

    def string(self, item: str) -> str:
        cut = self.chance.randrange(len(item) + 1)
        parts = [item] if self.chance.random() < 0.5 else [item[:cut], item[cut:]]
        quoted = []
        for part in parts:
            quote = self.chance.choice("'\"")
            escaped = text_format.text_encoding.CEscape(part, as_utf8=self.chance.random() < 0.5)
            quoted.append(f"{quote}{escaped}{quote}")
        return self.space().join(quoted)

    def space(self) -> str:
        return self.chance.choice([" ", "\t", "\n", "\r\n", "  # } ] \" ' ü\n", " #\n\t", "\n\n"])

    def end(self) -> str:
        return self.chance.choice(["", "", ";", ",", " ;"]) + self.space()

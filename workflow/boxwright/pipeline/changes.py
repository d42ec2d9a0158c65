"""What was changed in a pipeline configuration and why, and the difference as text."""

import difflib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright.pipeline.text import to_text


@dataclass(frozen=True)
class Change:
    """One field (dotted path with list indices), its value before and after (None: not set) and the reason."""

    field: str
    before: Any
    after: Any
    why: str

    def __str__(self) -> str:
        return f"{self.field}: {_short(self.before)} -> {_short(self.after)} ({self.why})"


def value_of(message: Message, field: FieldDescriptor) -> Any:
    """A field's value for a Change: enums by name, short floats, messages as text, None if not set."""
    value = getattr(message, field.name)
    if not field.is_repeated:
        return plain(value, field) if message.HasField(field.name) else None
    if field.message_type and field.message_type.GetOptions().map_entry:
        return {key: value[key] for key in sorted(value)} or None
    return [plain(item, field) for item in value] or None


def plain(value: Any, field: FieldDescriptor) -> Any:
    """One value of `field` as plain Python."""
    if field.message_type:
        return text_format.MessageToString(value, as_one_line=True, as_utf8=True)
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return short_float(value)
    return value


def short_float(value: float) -> float:
    """The shortest decimal number which is that float32: 0.004, not 0.004000000189989805."""
    for digits in range(6, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return value


def diff(before: Message, after: Message, names: tuple[str, str] = ("original", "patched")) -> str:
    """The unified difference of two messages in canonical text, so that formatting and comments do not hide it."""
    lines = [to_text(message).splitlines() for message in (before, after)]
    return "\n".join(difflib.unified_diff(*lines, *names, lineterm=""))


def render(changes: Iterable[Change]) -> str:
    """One line per change."""
    return "\n".join(str(change) for change in changes)


def _short(value: Any) -> str:
    if value is None:
        return "not set"
    text = repr(value) if isinstance(value, str) and "{" not in value else str(value)
    return text if len(text) <= 160 else f"{text[:157]}..."

"""The changes to a pipeline configuration with their reasons, and the difference as text."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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

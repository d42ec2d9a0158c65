"""A configuration in plain values (texts, numbers, true, false, null, lists and mappings), within bounds.

YAML knows more kinds of values than a configuration has: dates, sets, bytes, keys that are no texts, and values that
hold themselves.
"""

from collections.abc import Mapping
from typing import Any

from boxwright.run import paths
from boxwright.run.config_file import DEEPEST, MOST_NODES
from boxwright.run.key_lines import Place

_LARGEST = 2**63
# What YAML may have read instead of a text.
_KINDS = {"date": "a date", "datetime": "a time", "bytes": "bytes", "set": "a set"}


def of(config: Mapping[str, Any]) -> tuple[Any, list[tuple[Place, str]]]:
    """A copy of `config` in plain values, and all mistakes: the place of each, and the words for it.

    The copy is None if `config` is not within the bounds.
    """
    copier = _Copier()
    copied = copier.copy(config, ())
    return (None if copier.endless else copied), list(dict.fromkeys(copier.mistakes))


class _Copier:
    def __init__(self) -> None:
        self.mistakes: list[tuple[Place, str]] = []
        self.endless = False
        self._nodes = 0
        self._depth = 0

    def copy(self, value: Any, where: Place) -> Any:
        self._nodes += 1
        if self._depth > DEEPEST or self._nodes > MOST_NODES:
            if not self.endless:
                text = "is nested too deeply" if self._depth > DEEPEST else f"has more than {MOST_NODES:,} values"
                self._tell(where, f"`{where[0]}` {text}: does it hold itself, or aliases (*) of aliases?")
            self.endless = True
            return None
        if isinstance(value, Mapping | list | tuple):
            self._depth += 1
            copied = self._mapping(value, where) if isinstance(value, Mapping) else self._list(value, where)
            self._depth -= 1
            return copied
        return self._scalar(value, where)

    def _mapping(self, value: Mapping[Any, Any], where: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, child in value.items():
            name = str(key) if isinstance(key, str | int | float) and not isinstance(key, bool) else None
            if name is None or not _writable(name):
                told = f"has a key that YAML reads as {key!r}, no text; put it between quotes."
                self._tell((*where, repr(key)), f"{paths.place(where)} {told}")
                continue
            path = (*where, name)
            if name in found:
                self._tell(path, f"{paths.place(path)} is given twice; keep one.")
            found[name] = self.copy(child, path)
            if self._nodes > MOST_NODES:
                break
        return found

    def _list(self, value: list | tuple, where: Place) -> list[Any]:
        found = []
        for index, child in enumerate(value):
            found.append(self.copy(child, (*where, index)))
            if self._nodes > MOST_NODES:
                break
        return found

    def _scalar(self, value: Any, where: Place) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            if abs(value) >= _LARGEST:
                self._tell(
                    where, f"{paths.place(where)} is a whole number of more than 18 digits; no key takes such a number."
                )
                return None
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str):
            if not _writable(value):
                self._tell(where, f"{paths.place(where)} has characters that cannot be written in UTF-8: {value!r}.")
            return str(value)
        kind = _KINDS.get(type(value).__name__, f"a value of the type {type(value).__name__}")
        told = f"{paths.place(where)} is {kind} to YAML ({str(value)[:40]}); put it between quotes if it is a text."
        self._tell(where, told)
        return None

    def _tell(self, where: Place, told: str) -> None:
        self.mistakes.append((where, told))


def _writable(text: str) -> bool:
    """Whether a text can be encoded; half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

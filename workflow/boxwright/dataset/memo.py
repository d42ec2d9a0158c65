"""A dictionary that fills itself, for facts that many files of a data set share."""

from collections.abc import Callable
from typing import Any


class Memo(dict):
    """Calls a function once for each text and keeps the results."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def __missing__(self, key: str) -> Any:
        value = self[key] = self._function(key)
        return value

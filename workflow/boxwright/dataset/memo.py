"""A dictionary that fills itself: most files of a data set have some of their facts in common with others."""

from collections.abc import Callable
from typing import Any


class Memo(dict):
    """Gives what a function gives for a text, which is asked once for each."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def __missing__(self, key: str) -> Any:
        value = self[key] = self._function(key)
        return value

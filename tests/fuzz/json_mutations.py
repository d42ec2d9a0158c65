"""Mutants of JSON that stay well-formed: a value is exchanged, left out or repeated somewhere in the tree."""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

ODD_VALUES = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf"), -3.25),
    *("", " ", "0", "12", "3.5", "1e5", "nan", "cat", "猫", "\ud800", "\x00", "\u202e", "a/b\\c", "x" * 3000, "%2520"),
    *([], {}, [[]], [{}], {"": None}, [None], [1, 2], [[1, 2], [3, 4]], {"x": 1, "y": 2}, {"0": {}}, ["cat", "dog"]),
)


def _places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """The paths of all values in a tree but its root."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _places(value[key], (*path, key))


def json_mutants(seeds: Sequence[Any]) -> st.SearchStrategy[bytes]:
    """Trees with one to four changes, as JSON in UTF-8."""
    odd, seed, count = st.sampled_from(ODD_VALUES), st.sampled_from(list(seeds)), st.integers(1, 4)
    place, kind = st.integers(0, 1 << 16), st.sampled_from(["exchange", "exchange", "drop", "repeat", "rename"])

    @st.composite
    def mutant(draw: Callable) -> bytes:
        root = copy.deepcopy(draw(seed))
        for _ in range(draw(count)):
            places = list(_places(root))
            if not places:
                break
            *path, last = places[draw(place) % len(places)]
            parent = root
            for key in path:
                parent = parent[key]
            _change(draw(kind), parent, last, draw(odd))
        return json.dumps(root, ensure_ascii=True).encode()

    return mutant()


def _change(kind: str, parent: Any, key: Any, odd: Any) -> None:
    if kind == "drop":
        del parent[key]
    elif kind == "repeat" and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif kind == "rename" and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    else:
        parent[key] = copy.deepcopy(odd)

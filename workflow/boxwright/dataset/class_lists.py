"""The files with the names of the classes, for annotations that have only numbers: which count, and which contradict.

A wrong list is not to be seen in the result: every object has the name of another class. So it is said which file
counts, and where another one that explains the same annotations, or others of the data set, says something else.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.core.names import clean
from boxwright.core.wording import few, from_here
from boxwright.dataset import formats, sources
from boxwright.dataset.sources import Annotated

# Contradictions that the terminal shows.
_SHOWN = 3


class Lists(NamedTuple):
    """The first of the annotations that the same files explain, and the names by number in each of these files.

    The first file counts.
    """

    annotated: Annotated
    lists: Sequence[tuple[str, Mapping[int, str]]]


def of(annotations: Iterable[Annotated]) -> list[Lists]:
    """The lists that explain some annotations, those without any left out."""
    return [Lists(one, found) for one, found in sources.explained(annotations, formats.lists) if found]


def told(found: Sequence[Lists]) -> list[str]:
    """Sentences for the terminal: the files that count, and those that contradict one of them."""
    named = {file: _is_outside(file, one.annotated) for one in found for file, _ in one.lists[:1]}
    texts = []
    for outside, where in ((False, ""), (True, ", outside the folder of the annotations")):
        if files := [from_here(file) for file, is_outside in named.items() if is_outside == outside]:
            texts.append(f"The names of the classes are those in {few(files)}{where}.")
    against = {}
    for number, (file, name), (other, unlike) in [unlike for one in found for unlike in _unlike(one.lists)]:
        text = f"Class {number} is {name} in {from_here(file)}, which counts, and {unlike} in {from_here(other)}"
        against.setdefault(other, f"{text}. If {from_here(other)} is right, correct {from_here(file)}.")
    more = [f"{len(against) - _SHOWN} more lists contradict those that count."] if len(against) > _SHOWN else []
    return [*texts, *list(against.values())[:_SHOWN], *more]


def contradictions(found: Sequence[Lists]) -> Iterator[tuple[str, str, str]]:
    """A file, its format and a clause, where the lists that explain it or those of a format contradict each other.

    Paths are those from the file's folder, so that the clause is the same wherever the data set lies.
    """
    first: dict[tuple[str, int], tuple[str, str]] = {}
    said = set()
    for (file, key, _), lists in found:
        for number, (own, name), (other, unlike) in _unlike(lists):
            used, unused = (os.path.relpath(path, os.path.dirname(file.path) or ".") for path in (own, other))  # noqa: PTH120
            yield (
                file.relative,
                key,
                f"class {number} is {name} in {used}, which counts, and {unlike} in {unused}; if {unused} is right, "
                f"correct {used}",
            )
        for number, name in lists[0][1].items():
            other, where = first.setdefault((key, number), (name, file.relative))
            if other != name and key not in said:
                said.add(key)
                yield (
                    file.relative,
                    key,
                    f"class {number} is {name} by the list of names beside it and {other} by that beside {where}; each "
                    "file is read by its own list, but tools with one list for all mix the classes up",
                )


def _unlike(
    lists: Sequence[tuple[str, Mapping[int, str]]],
) -> Iterator[tuple[int, tuple[str, str], tuple[str, str]]]:
    """The first class that the list that counts and another one call differently: its number, each file and name."""
    (file, names), *others = lists
    for other, unlike in others:
        differ = (number for number in names if clean(unlike.get(number, names[number])) != clean(names[number]))
        if (number := next(differ, None)) is not None:
            yield number, (file, names[number]), (other, unlike[number])


def _is_outside(path: str, annotated: Annotated) -> bool:
    """Whether a file lies outside the folder that was given for an annotation."""
    file = annotated.file
    given = file.path.removesuffix(file.relative) or "."
    return not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(given))  # noqa: PTH100

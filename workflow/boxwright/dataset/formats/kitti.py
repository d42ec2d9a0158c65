"""KITTI's labels, one text file an image: type, truncated, occluded, alpha, four edges in pixels, seven values in 3D.

A region "DontCare" holds objects that were not labelled: it is an ignore region. An empty file says that there is no
object. Some tools write no line ends, so that objects follow each other in one line.
Source: the readme of KITTI's development kit for objects.
"""

import math

from boxwright.core.wording import plural
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import OCCLUDED
from boxwright.dataset.statements import Reading

# Words of an object behind its type, of which each is a number.
_VALUES = 14
_DONT_CARE = "dontcare"


def sniff(head: bytes, name: str) -> bool:
    """Whether the first line is a type and 14 numbers, or more objects of this form."""
    lines = stated.lines(head)
    return name.lower().endswith(".txt") and bool(lines) and bool(_objects(lines[0][1].split()))


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about the image that has the file's name."""
    objects, mistakes = Objects(), []
    for number, line in stated.lines(data):
        words = line.split()
        found = _objects(words)
        if not found:
            mistakes.append(f"line {number} {_reason(words)}")
        for name, values in found:
            truncated, occluded, _, *corners = values[:7]
            edges = tuple(corners)
            if name.lower() == _DONT_CARE:
                objects.region(f"line {number}", edges)
            else:
                flags = (OCCLUDED,) if occluded in (1, 2) else ()
                objects.add(f"line {number}", name, edges, truncated=truncated > 0, flags=flags)
    stated.refuse(mistakes)
    return Reading([objects.statement("")])


def _objects(words: list[str]) -> list[tuple[str, list[float]]]:
    """The objects of a line, each with its type and 14 values; none if the line has another form.

    A type may have several words, though KITTI's have one.
    """
    found, place = [], 0
    while place < len(words):
        start = place
        while place < len(words) and math.isnan(stated.number(words[place])):
            place += 1
        values = [stated.number(word) for word in words[place : place + _VALUES]]
        if place == start or len(values) < _VALUES or any(map(math.isnan, values)):
            return []
        found.append((" ".join(words[start:place]), values))
        place += _VALUES
    return found


def _reason(words: list[str]) -> str:
    if len(words) == _VALUES + 2:
        return "has 16 words: a result of KITTI with a score, which is a detection and no annotation"
    return f"has {plural(len(words), 'word')}; a label of KITTI is a type and {_VALUES} numbers"

"""DOTA's labels, one text file an image: the four corners of a box in pixels, its class, and how difficult it is.

The first lines may tell the image's source and its resolution. A box that is not upright is read as a rotated one.
Difficult is 0, 1 or, in later versions, 2.
Source: the description of DOTA's annotation format.
"""

import math
import re

from boxwright.core.wording import shortened
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import ROTATED
from boxwright.dataset.statements import Reading

_HEAD_LINE = re.compile(r"(?i)(?:imagesource|gsd)\s*:")
_CORNERS = 8
_DIFFICULT = re.compile(r"\d")


def sniff(head: bytes, name: str) -> bool:
    """Whether the file begins as DOTA's do, or its first line is eight numbers and a class that is none."""
    lines = stated.lines(head)
    return (
        name.lower().endswith(".txt") and bool(lines) and (bool(_HEAD_LINE.match(lines[0][1])) or _is_box(lines[0][1]))
    )


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about the image that has the file's name."""
    objects, mistakes = Objects(), []
    for number, line in stated.lines(data):
        if _HEAD_LINE.match(line) and not len(objects):
            continue
        words = line.replace(",", " ").split()
        if not _is_box(line):
            mistakes.append(
                f"line {number} is {shortened(line, 60)!r}; a label of DOTA is eight numbers, a class and a difficulty"
            )
            continue
        values = [stated.number(word) for word in words[:_CORNERS]]
        told = words[_CORNERS:]
        difficult = told.pop() if len(told) > 1 and _DIFFICULT.fullmatch(told[-1]) else "0"
        points = list(zip(values[::2], values[1::2], strict=True))
        shape = "" if stated.is_upright(points) else ROTATED
        objects.add(f"line {number}", " ".join(told), stated.around(points), shape, difficult=difficult != "0")
    stated.refuse(mistakes)
    return Reading([objects.statement("")])


def _is_box(line: str) -> bool:
    words = line.replace(",", " ").split()
    numbers = [stated.number(word) for word in words[: _CORNERS + 1]]
    return len(words) > _CORNERS and not any(map(math.isnan, numbers[:_CORNERS])) and math.isnan(numbers[_CORNERS])

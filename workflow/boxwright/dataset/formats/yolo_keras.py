"""The text of keras-yolo3 and of Roboflow's YOLO Keras: a line for each image, its name and boxes behind it.

A box is left, top, right and bottom in pixels and the number of a class, with commas between; the names of the classes
are in _classes.txt or classes.txt. A name may have blanks. The corners may be any opposite ones. An image alone in its
line has no objects.
Source: the readme of keras-yolo3, and Roboflow's exports.
"""

import re
from collections.abc import Mapping

from boxwright.core.wording import plural
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.statements import Reading
from boxwright.images.loader import EXTENSIONS

_NAMES = ("_classes.txt", "classes.txt")
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_BOX = re.compile(rf"{_NUMBER}(?:,{_NUMBER}){{4}}")
# Words behind the image that look as if they were meant as a box.
_NEARLY = re.compile(r"[^\s,]*(?:,[^\s,]*)+")


def sniff(head: bytes, name: str) -> bool:
    """Whether each line is an image's name with boxes behind it, and one of them has a box."""
    lines = [line for _, line in stated.lines(head)]
    lines = lines[:-1] or lines
    parts = [_parts(line) for line in lines]
    return any(boxes for _, boxes in parts) and all(image.lower().endswith(tuple(EXTENSIONS)) for image, _ in parts)


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image, also where it has several lines. A class without a name keeps its number."""
    names = next((list(names.values()) for _, names in lists(beside)), [])
    images: dict[str, Objects] = {}
    mistakes, swapped = [], 0
    for number, line in stated.lines(data):
        image, boxes = _parts(line)
        if not image.lower().endswith(tuple(EXTENSIONS)):
            mistakes.append(f"line {number} does not begin with the name of an image")
            continue
        objects = images.setdefault(image, Objects())
        for box in boxes:
            words = box.split(",")
            if not _BOX.fullmatch(box):
                mistakes.append(f"line {number} has {box!r}, which is no box: left,top,right,bottom,class")
                continue
            *corners, of = map(stated.number, words)
            if names and not (float.is_integer(of) and 0 <= of < len(names)):
                mistakes.append(f"line {number} has the class {words[4]}; there are {plural(len(names), 'name')}")
                continue
            edges = stated.ordered(tuple(corners))
            swapped += edges != tuple(corners)
            objects.add(f"line {number}", names[int(of)] if names else words[4], edges)
    stated.refuse(mistakes)
    statements = [objects.statement(image) for image, objects in images.items()]
    return Reading(statements, [*stated.unnamed(statements, names), *stated.unordered(swapped)])


def lists(beside: Beside) -> list[tuple[str, Mapping[int, str]]]:
    """The files with names of the classes, and these by number; first the file that counts."""
    files = {path: data for path, data in beside.items() if path.rpartition("/")[2].lower() in _NAMES}
    found = {path: dict(enumerate(line for _, line in stated.lines(data))) for path, data in files.items()}
    return [(path, names) for path, names in found.items() if names]


def _parts(line: str) -> tuple[str, list[str]]:
    """The image of a line and its boxes, the words with commas at the end."""
    words, boxes = line.replace("\t", " ").split(" "), []
    while len(words) > 1 and (not words[-1] or _NEARLY.fullmatch(words[-1])) and not _ends_image(words[-1]):
        if word := words.pop():
            boxes.append(word)
    return " ".join(words), boxes[::-1]


def _ends_image(word: str) -> bool:
    return word.lower().endswith(tuple(EXTENSIONS))

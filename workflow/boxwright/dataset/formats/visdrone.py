"""VisDrone's annotations of images, one text file an image: left, top, width, height, score, category and two flags.

Category 0 and a score of 0 mean an ignore region. An empty file says that there is no object.
Source: the readme of VisDrone's toolkit for object detection in images.
"""

import re

from boxwright.core.wording import plural
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import OCCLUDED
from boxwright.dataset.statements import Reading

CATEGORIES = (
    "ignored regions",
    *(
        "pedestrian",
        "people",
        "bicycle",
        "car",
        "van",
        "truck",
        "tricycle",
        "awning-tricycle",
        "bus",
        "motor",
        "others",
    ),
)
_VALUES = 8
_ROW = re.compile(r"(?:\s*-?\d+\s*,){7}\s*-?\d+\s*,?\s*")


def sniff(head: bytes, name: str) -> bool:
    """Whether every line is eight whole numbers, and the file is not the one of MOT."""
    lines = stated.lines(head)[:-1] or stated.lines(head)
    rows = [line for _, line in lines]
    return name.lower().endswith(".txt") and name.lower() != "gt.txt" and bool(rows) and all(map(_ROW.fullmatch, rows))


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about the image that has the file's name."""
    objects, mistakes = Objects(), []
    for number, line in stated.lines(data):
        values = [stated.number(word) for word in line.rstrip(", ").split(",")]
        if len(values) != _VALUES:
            mistakes.append(f"line {number} has {plural(len(values), 'value')}; VisDrone's have {_VALUES}")
            continue
        left, top, width, height, score, category, truncation, occlusion = values
        corners = stated.from_size(left, top, width, height)
        if category == 0 or score == 0:
            objects.region(f"line {number}", corners)
        elif category not in range(len(CATEGORIES)):
            mistakes.append(f"line {number} has the category {line.split(',')[5].strip()}; VisDrone's are 0 to 11")
        else:
            flags = (OCCLUDED,) if occlusion > 0 else ()
            name = CATEGORIES[int(category)]
            objects.add(f"line {number}", name, corners, truncated=truncation > 0, flags=flags)
    stated.refuse(mistakes)
    return Reading([objects.statement("")])

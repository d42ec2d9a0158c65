"""AutoML's and Vertex AI's CSV without a head line: set, address, class and corners as fractions of the image.

The set (TRAIN, VALIDATION, TEST or UNASSIGNED) may be missing. A box has two opposite corners or all four; either way
it is upright. A row without a class and corners says that the image has no objects.
Source: Google's documentation of preparing data for AutoML Vision object detection.
"""

import re

from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset import addresses, stated, tables
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.statements import NORMALISED, Reading
from boxwright.images.loader import EXTENSIONS

_SETS = ("TRAIN", "TRAINING", "VALIDATION", "VALIDATE", "TEST", "UNASSIGNED")
_UNASSIGNED = "UNASSIGNED"
# x and y of the top left, top right, bottom right and bottom left corner.
_VALUES = 8
_START = re.compile(rb'(?i)\s*"?(?:(?:TRAIN(?:ING)?|VALIDAT(?:ION|E)|TEST|UNASSIGNED)"?\s*,\s*"?[^",]*[./]|gs://)')


def sniff(head: bytes, name: str) -> bool:
    """Whether the first row begins with a set and an image, or with an address in Google's storage."""
    return name.lower().endswith(".csv") and _START.match(stated.plain(head)) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image."""
    images: dict[str, tuple[Objects, list[str]]] = {}
    mistakes = []
    for number, row in tables.rows(stated.text(data)):
        line, cells = f"line {number}", [cell.strip() for cell in row]
        side = cells.pop(0) if cells[0].upper() in _SETS else ""
        address, name, *values = [*cells, "", ""][: max(len(cells), 2)]
        if not addresses.path(address).lower().endswith(tuple(EXTENSIONS)):
            mistakes.append(f"{line} has no image where its address should be ({address or 'nothing'})")
            continue
        objects, sides = images.setdefault(address, (Objects(), []))
        sides.append("" if side.upper() == _UNASSIGNED else side)
        if not name and not any(values):
            continue
        if not any(values):
            mistakes.append(f"{line} has a class and no box: it is about the whole image")
            continue
        if any(values[_VALUES:]):
            mistakes.append(f"{line} has {plural(len(values), 'value')} behind its class; a box has at most {_VALUES}")
            continue
        corners = _corners(values[:_VALUES])
        try:
            stated.refuse_pixels(corners)
        except UserError as error:
            mistakes.append(f"{line}: {error}")
            continue
        objects.add(line, name, corners)
    stated.refuse(mistakes)
    return Reading(
        [
            objects.statement(addresses.path(address), unit=NORMALISED, split=next(filter(None, sides), ""))
            for address, (objects, sides) in images.items()
        ]
    )


def _corners(values: list[str]) -> stated.Corners:
    """The edges of a box: of any two opposite corners, around four."""
    cells = [*values, ""][: len(values) + len(values) % 2]
    pairs = [pair for pair in zip(cells[::2], cells[1::2], strict=True) if any(pair)]
    points = [(stated.number(x), stated.number(y)) for x, y in pairs]
    return stated.ordered((*points[0], *points[1])) if len(points) == 2 else stated.around(points)

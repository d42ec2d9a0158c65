"""Ultralytics' NDJSON: a line about the data set with the names of its classes, then a line for each image.

Boxes are class, centre and size as fractions of the image; segments are class and points, and oriented boxes class and
four corners. An image without annotations has no objects.
Source: Ultralytics' documentation of its NDJSON format.
"""

import re
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import POLYGON, ROTATED
from boxwright.dataset.statements import NORMALISED, Reading, Statement

_DATASET = re.compile(rb'\s*\{\s*"type"\s*:\s*"dataset"')
_IMAGE = re.compile(rb'\s*\{\s*"type"\s*:\s*"image"')
# A box, and the fewest values of the others: class and three points.
_BOX, _FEWEST = 5, 7


def sniff(head: bytes, name: str) -> bool:
    """Whether the first line is about a data set or an image of it."""
    head = stated.plain(head)
    return (_DATASET.match(head) or _IMAGE.match(head)) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image."""
    names: dict[str, str] = {}
    statements, mistakes = [], []
    for number, line in stated.lines(data):
        try:
            item = stated.expect(stated.parse_json(line), dict, "it")
            if item.get("type") == "dataset":
                names = _names(item.get("class_names"))
            elif item.get("type") == "image":
                statements.append(_statement(item, names, f"line {number}"))
            else:
                raise UserError('it has another "type" than "dataset" and "image"')
        except UserError as error:
            mistakes.append(f"line {number}: {error}")
    stated.refuse(mistakes)
    return Reading(statements, stated.unnamed(statements, names.values()))


def _names(given: Any) -> dict[str, str]:
    pairs = enumerate(given) if isinstance(given, list) else stated.expect(given, dict, '"class_names"').items()
    return {str(key): stated.name(value) for key, value in pairs}


def _statement(item: dict, names: dict[str, str], line: str) -> Statement:
    image = stated.name(item.get("file"))
    if not image:
        raise UserError('it has no "file" with the name of the image')
    objects = Objects()
    by_kind = stated.optional(item.get("annotations"), dict, '"annotations"')
    for kind, rows in by_kind.items():
        for place, row in enumerate(stated.optional(rows, list, f'"{kind}"'), start=1):
            what = f"row {place} of {kind}"
            if kind == "classification" or not isinstance(row, list):
                raise UserError(f"{what} is no box")
            values = [stated.number(value) for value in row]
            name = _class(row[0] if row else None, names, what)
            corners, shape = _corners(kind, values[1:], what)
            objects.add(f"{line}, {what}", name, corners, shape)
    size = (stated.size(item.get("width")), stated.size(item.get("height")))
    return objects.statement(image, *size, unit=NORMALISED, split=stated.name(item.get("split")))


def _class(value: Any, names: dict[str, str], what: str) -> str:
    number = stated.number(value)
    key = str(int(number)) if abs(number) < 1e9 and float.is_integer(number) else stated.name(value)
    if names and key not in names:
        raise UserError(f"{what} has the class {key}; the data set has {plural(len(names), 'name')}")
    return names.get(key, key)


def _corners(kind: str, values: list[float], what: str) -> tuple[stated.Corners, str]:
    if kind in ("boxes", "bboxes", "pose", "keypoints") and len(values) >= _BOX - 1:
        if kind.endswith("boxes") and len(values) != _BOX - 1:
            raise UserError(f"{what} has {plural(len(values) + 1, 'value')}, not {_BOX}")
        stated.refuse_pixels(values[: _BOX - 1])
        return stated.from_centre(*values[: _BOX - 1]), ""
    if kind in ("segments", "obb") and len(values) >= _FEWEST - 1 and len(values) % 2 == 0:
        stated.refuse_pixels(values)
        points = list(zip(values[::2], values[1::2], strict=True))
        return stated.around(points), ROTATED if kind == "obb" else POLYGON
    raise UserError(f"{what} has {plural(len(values) + 1, 'value')}, which is no box")

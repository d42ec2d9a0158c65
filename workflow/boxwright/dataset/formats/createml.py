"""Create ML's JSON: a list of images, each with labels and the centres and sizes of boxes in pixels.

Older files say "imagefilename" and "annotation". Other origins and anchors can be set where Create ML reads a file, but
no file says so: this is Create ML's default, from the top left.
Source: Apple's documentation of Create ML's object detector.
"""

import re
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.statements import Reading

_IMAGE, _ANNOTATIONS = ("image", "imagefilename"), ("annotations", "annotation")
_START = re.compile(rb'\s*\[\s*\{\s*"(?:image|imagefilename|annotations?)"\s*:')
_OBJECT = re.compile(rb'"annotations?"\s*:\s*\[\s*(?:\]|\{[^{}]*(?:"coordinates"\s*:|\{))')


def sniff(head: bytes, name: str) -> bool:
    """Whether it is a list of images with annotations that have coordinates."""
    return (
        name.lower().endswith(".json")
        and _START.match(stated.plain(head)) is not None
        and _OBJECT.search(head) is not None
    )


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image of the list."""
    root = stated.parse_json(data)
    if not isinstance(root, list):
        raise UserError("it is not Create ML's JSON: it is not a list of images")
    statements = []
    for number, item in enumerate(root, start=1):
        stated.expect(item, dict, f"image {number}")
        image = stated.name(_first(item, _IMAGE))
        what = f"image {number} ({image})" if image else f"image {number}"
        if not image:
            raise UserError(f'{what} has no "image" with its name')
        objects = Objects()
        given = _first(item, _ANNOTATIONS)
        if isinstance(given, str):
            raise UserError(f"{what} has the label {given!r} and no boxes: these are annotations of whole images")
        for place, one in enumerate(stated.optional(given, list, f'"annotations" of {what}'), start=1):
            stated.expect(one, dict, f"annotation {place} of {what}")
            at = stated.optional(one.get("coordinates"), dict, f'"coordinates" of annotation {place} of {what}')
            values = [stated.number(at.get(key)) for key in ("x", "y", "width", "height")]
            objects.add(f"annotation {place}", stated.name(one.get("label")), stated.from_centre(*values))
        statements.append(objects.statement(image))
    return Reading(statements, stated.unnamed(statements))


def _first(item: dict, keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if key in item), None)

"""Supervisely's annotations, one JSON file an image, called like the image with ".json" behind it.

The corners of a rectangle are the first and the last pixel, in any order. Where they are whole numbers, its right and
bottom edges are one further. Of an oriented box they are those before it is turned, in radians, clockwise, about its
centre. Points of a polygon are used as they are. A bitmap has its top left pixel and a mask.
Source: Supervisely's documentation of its JSON format and its SDK's rectangle.
"""

import base64
import binascii
import io
import math
import re
import zlib
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import CUBOID, LINE, MASK, OCCLUDED, POINTS, POLYGON, ROTATED
from boxwright.dataset.statements import Reading

_OBJECTS = re.compile(rb'"objects"\s*:\s*\[')
_SIZE = re.compile(rb'"size"\s*:\s*\{\s*"(?:height|width)"')
_BOXLESS = {"point": POINTS, "graph": POINTS, "line": LINE, "polyline": LINE, "cuboid": CUBOID, "cuboid_2d": CUBOID}
# A mask larger than this is none of an image that can be read.
_MOST_BYTES = 1 << 28


def sniff(head: bytes, name: str) -> bool:
    """Whether it has objects, and the size of an image."""
    head = stated.plain(head)
    return _OBJECTS.search(head) is not None and _SIZE.search(head) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about the image that has the file's name."""
    root = stated.expect(stated.parse_json(data), dict, "its JSON")
    if "objects" not in root or not isinstance(root.get("size"), dict):
        raise UserError('it is not Supervisely\'s annotation: it has no "objects" with the "size" of an image')
    objects = Objects()
    for number, one in enumerate(stated.optional(root["objects"], list, '"objects"'), start=1):
        _add(objects, f"object {number}", stated.expect(one, dict, f"object {number}"))
    width, height = (stated.size(root["size"].get(key)) for key in ("width", "height"))
    return Reading(
        [
            objects.statement(
                "", width, height, marks=tuple(_tags(root, "the image") if isinstance(root.get("tags"), list) else ())
            )
        ]
    )


def _add(objects: Objects, place: str, one: dict) -> None:
    name, kind = stated.name(one.get("classTitle")), stated.name(one.get("geometryType"))
    tags = {tag.casefold() for tag in _tags(one, place)}
    told = {"difficult": "difficult" in tags, "truncated": "truncated" in tags}
    flags = (OCCLUDED,) if OCCLUDED in tags else ()
    if kind in _BOXLESS:
        objects.boxless(place, name, _BOXLESS[kind])
        return
    if kind in ("bitmap", "alpha_mask"):
        corners, shape = _bitmap(one.get("bitmap")), MASK
    else:
        points = one.get("points")
        exterior = points.get("exterior") if isinstance(points, dict) else points
        pairs = [_point(point) for point in stated.optional(exterior, list, f'"exterior" of {place}')]
        if kind == "rectangle":
            corners, shape = _rectangle(pairs), ""
        elif kind == "oriented_bbox" and len(pairs) == 2:
            turn = math.degrees(stated.number(one.get("angle", 0)))
            corners, shape = stated.rotated(stated.around(pairs, least=2), turn), ROTATED
        else:
            corners, shape = stated.around(pairs), ROTATED if kind == "oriented_bbox" else POLYGON
    objects.add(place, name, corners, shape, flags=flags, **told)


def _tags(tagged: dict, what: str) -> list[str]:
    """The names of the tags of an object or of the image."""
    tags = stated.optional(tagged.get("tags"), list, f'"tags" of {what}')
    return [stated.name(tag.get("name") if isinstance(tag, dict) else tag) for tag in tags]


def _rectangle(pairs: list[tuple[float, float]]) -> stated.Corners:
    corners = stated.around(pairs, least=2)
    if not all(map(float.is_integer, corners)):
        return corners
    xmin, ymin, xmax, ymax = corners
    return xmin, ymin, xmax + 1, ymax + 1


def _bitmap(mask: Any) -> stated.Corners:
    """The rectangle around a mask's pixels: a compressed PNG and the pixel of its top left corner."""
    from PIL import Image

    if not isinstance(mask, dict) or not isinstance(mask.get("data"), str):
        return stated.UNKNOWN
    left, top = _point(mask.get("origin"))
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(mask["data"]), _MOST_BYTES)
        with Image.open(io.BytesIO(unpacked)) as image:
            inside = (image.getchannel("A") if "A" in image.getbands() else image.convert("L")).getbbox()
    except (binascii.Error, zlib.error, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return stated.UNKNOWN
    if inside is None:
        return stated.UNKNOWN
    return left + inside[0], top + inside[1], left + inside[2], top + inside[3]


def _point(point: Any) -> tuple[float, float]:
    pair = [stated.number(value) for value in point] if isinstance(point, list) else []
    return (pair[0], pair[1]) if len(pair) == 2 else stated.UNKNOWN[:2]

"""LabelMe's JSON, one file an image, also as AnyLabeling and X-AnyLabeling write it.

Points are pixels and edges. A rectangle's two corners may be any opposite ones. A shape without a type is a polygon, as
in LabelMe 2. A mask's two points are its first and last pixel. `imagePath` is relative to the file and may be stale;
the file's own name is the image's too.
Source: LabelMe's documentation of its file format, and files of its versions 2 to 5.
"""

import re
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset.formats import Beside, json_text, shapes
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import CUBOID, LINE, MASK, OCCLUDED, POINTS, POLYGON, ROTATED
from boxwright.dataset.statements import Reading

_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')
_SIGN = re.compile(rb'"(?:imagePath|imageData|shape_type|lineColor|flags)"\s*:')
_BOXLESS = {"point": POINTS, "points": POINTS, "line": LINE, "linestrip": LINE, "cuboid": CUBOID}
_FLAGS = ("difficult", "truncated", OCCLUDED)


def sniff(head: bytes, name: str) -> bool:
    """Whether it has shapes, and an image or other keys that LabelMe's files have."""
    head = json_text.plain(head)
    return name.lower().endswith(".json") and (_SHAPES.search(head) and _SIGN.search(head)) is not None


def read(data: bytes, beside: Beside) -> Reading:
    """The statement about the file's image."""
    root = json_text.expect(json_text.load(data), dict, "its JSON")
    if "shapes" not in root:
        raise UserError('it is not LabelMe\'s JSON: it has no "shapes"')
    objects = Objects()
    for number, shape in enumerate(json_text.optional(root["shapes"], list, '"shapes"'), start=1):
        _add(objects, json_text.expect(shape, dict, f"shape {number}"), number)
    width, height = (json_text.size(root.get(key)) for key in ("imageWidth", "imageHeight"))
    return Reading([objects.statement(json_text.name(root.get("imagePath")), width, height)])


def _add(objects: Objects, shape: dict, number: int) -> None:
    place, label = f"shape {number}", json_text.name(shape.get("label"))
    kind = json_text.name(shape.get("shape_type")) or "polygon"
    if kind in _BOXLESS:
        objects.boxless(place, label, _BOXLESS[kind])
        return
    stated = json_text.optional(shape.get("points"), list, f'"points" of {place}')
    points = [_point(point) for point in stated]
    flags = shape.get("flags") if isinstance(shape.get("flags"), dict) else {}
    told = {flag: json_text.yes(flags.get(flag)) or json_text.yes(shape.get(flag)) for flag in _FLAGS}
    more = (OCCLUDED,) if told.pop(OCCLUDED) else ()
    corners, drawn = _corners(kind, points)
    objects.add(place, label, corners, drawn, flags=more, **told)


def _corners(kind: str, points: list[shapes.Point]) -> tuple[shapes.Corners, str]:
    """The edges of a shape, and what it is in place of a box; a kind that is not known has no edges."""
    if kind == "rectangle":
        slanted = len(points) == 4 and not shapes.is_upright(points)
        return shapes.around(points, fewest=2), ROTATED if slanted else ""
    if kind == "rotation":
        return shapes.around(points), ROTATED
    if kind == "polygon":
        return shapes.around(points), POLYGON
    if kind == "circle":
        return _circle(points), MASK
    if kind == "mask":
        xmin, ymin, xmax, ymax = shapes.around(points, fewest=2)
        return (xmin, ymin, xmax + 1, ymax + 1), MASK
    return shapes.UNKNOWN, ""


def _circle(points: list[shapes.Point]) -> shapes.Corners:
    """The rectangle around a circle, which has its centre and a point on its edge."""
    if len(points) != 2:
        return shapes.UNKNOWN
    (x, y), (edge_x, edge_y) = points
    radius = shapes.distance(edge_x - x, edge_y - y)
    return shapes.around_ellipse(x, y, radius, radius)


def _point(point: Any) -> shapes.Point:
    values = [json_text.number(value) for value in point] if isinstance(point, list) else []
    return (values[0], values[1]) if len(values) == 2 else shapes.UNKNOWN[:2]

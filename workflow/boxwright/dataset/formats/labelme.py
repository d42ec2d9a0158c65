"""LabelMe's JSON, one file an image, also as AnyLabeling and X-AnyLabeling write it.

Points are pixels and edges. A rectangle's two corners may be any opposite ones. A shape without a type is a polygon, as
in LabelMe 2, or a rectangle if it has two points. A mask's two points are its first and last pixel. `imagePath` is
relative to the file and may be stale; the file's own name is the image's too.
Source: LabelMe's documentation of its file format, and files of its versions 2 to 5.
"""

import math
import re
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import CUBOID, LINE, MASK, OCCLUDED, POINTS, POLYGON, ROTATED
from boxwright.dataset.statements import Reading

_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')
_SIGN = re.compile(rb'"(?:imagePath|imageData|shape_type|lineColor|flags)"\s*:')
_BOXLESS = {"point": POINTS, "points": POINTS, "line": LINE, "cuboid": CUBOID}
# Rectangles by two or four corners: upright ones, LabelMe's and X-AnyLabeling's turned ones.
_RECTANGLES = ("rectangle", "oriented_rectangle", "rotation")
_FLAGS = ("difficult", "truncated", OCCLUDED)


def sniff(head: bytes, name: str) -> bool:
    """Whether it has shapes, and an image or other keys that LabelMe's files have."""
    head = stated.plain(head)
    return name.lower().endswith(".json") and (_SHAPES.search(head) and _SIGN.search(head)) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about the file's image."""
    root = stated.expect(stated.parse_json(data), dict, "its JSON")
    if "shapes" not in root:
        raise UserError('it is not LabelMe\'s JSON: it has no "shapes"')
    objects = Objects()
    for number, shape in enumerate(stated.optional(root["shapes"], list, '"shapes"'), start=1):
        _add(objects, stated.expect(shape, dict, f"shape {number}"), number)
    flags = root.get("flags")
    marks = (
        [stated.name(name) for name, value in flags.items() if stated.flag(value)] if isinstance(flags, dict) else []
    )
    width, height = (stated.size(root.get(key)) for key in ("imageWidth", "imageHeight"))
    return Reading([objects.statement(stated.name(root.get("imagePath")), width, height, marks=tuple(marks))])


def _add(objects: Objects, shape: dict, number: int) -> None:
    place, label = f"shape {number}", stated.name(shape.get("label"))
    points = [_point(point) for point in stated.optional(shape.get("points"), list, f'"points" of {place}')]
    kind = stated.name(shape.get("shape_type")) or ("rectangle" if len(points) == 2 else "polygon")
    if kind in _BOXLESS:
        objects.boxless(place, label, _BOXLESS[kind])
        return
    flags = shape.get("flags") if isinstance(shape.get("flags"), dict) else {}
    told = {flag: stated.flag(flags.get(flag)) or stated.flag(shape.get(flag)) for flag in _FLAGS}
    more = (OCCLUDED,) if told.pop(OCCLUDED) else ()
    corners, drawn = _corners(kind, points)
    if drawn is None:
        place, drawn = f"{place}, whose shape_type {kind!r} is not known", ""
    objects.add(place, label, corners, drawn, flags=more, **told)


def _corners(kind: str, points: list[tuple[float, float]]) -> tuple[stated.Corners, str | None]:
    """The edges of a shape, and what it is in place of a box; a kind that is not known has neither."""
    if kind in _RECTANGLES:
        slanted = len(points) == 4 and not stated.is_upright(points)
        return stated.around(points, least=2), ROTATED if slanted else ""
    if kind in ("polygon", "quadrilateral"):
        return stated.around(points), POLYGON
    if kind == "linestrip":
        return stated.along(points)
    if kind == "circle":
        return _circle(points), MASK
    if kind == "mask":
        xmin, ymin, xmax, ymax = stated.around(points, least=2)
        return (xmin, ymin, xmax + 1, ymax + 1), MASK
    return stated.UNKNOWN, None


def _circle(points: list[tuple[float, float]]) -> stated.Corners:
    """The rectangle around a circle, which has its centre and a point on its edge."""
    if len(points) != 2:
        return stated.UNKNOWN
    (x, y), (edge_x, edge_y) = points
    radius = math.hypot(edge_x - x, edge_y - y)
    return stated.turned_ellipse(x, y, radius, radius)


def _point(point: Any) -> tuple[float, float]:
    values = [stated.number(value) for value in point] if isinstance(point, list) else []
    return (values[0], values[1]) if len(values) == 2 else stated.UNKNOWN[:2]

"""Darwin's JSON (V7), one file an image, versions 1 and 2.

A polygon comes with the box around it. The masks of an image share one layer of runs of pixels. A tag is about the
whole image and no object. A class that only a tag has is none of the detector's.
Source: V7's documentation of Darwin JSON.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset import stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import CUBOID, LINE, MASK, OCCLUDED, POINTS, POLYGON
from boxwright.dataset.statements import Reading

_BOXLESS = {"keypoint": POINTS, "skeleton": POINTS, "line": LINE, "cuboid": CUBOID}
# What belongs to an annotation of another kind, or to the whole image.
_NO_OBJECT = ("tag", "raster_layer", "string", "link", "table")


def sniff(head: bytes, name: str) -> bool:
    """Whether it has an item or a dataset, and annotations."""
    head = stated.plain(head)
    version_2 = b'"slots"' in head or b"darwin_json" in head
    version_1 = b'"dataset"' in head and re.search(rb'"image"\s*:\s*\{', head) is not None
    return name.lower().endswith(".json") and (version_2 or version_1) and b'"categories"' not in head


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about the file's image."""
    root = stated.expect(stated.parse_json(data), dict, "its JSON")
    item = root.get("item") or root.get("image")
    if not isinstance(item, dict) or "annotations" not in root:
        raise UserError('it is not Darwin\'s JSON: it has no "item" with "annotations"')
    slots = item.get("slots")
    slot = slots[0] if isinstance(slots, list) and slots and isinstance(slots[0], dict) else item
    objects, annotations = Objects(), stated.optional(root["annotations"], list, '"annotations"')
    masks = _masks(annotations, stated.size(slot.get("width")))
    for number, one in enumerate(annotations, start=1):
        _add(objects, f"annotation {number}", stated.expect(one, dict, f"annotation {number}"), masks)
    image = stated.name(item.get("name") or item.get("filename") or item.get("original_filename"))
    folder = stated.name(item.get("path")).strip("/")
    marks = tuple([stated.name(one.get("name")) for one in annotations if "tag" in one])
    size = (stated.size(slot.get("width")), stated.size(slot.get("height")))
    return Reading([objects.statement(image, *size, folders=(folder,) if folder else (), marks=marks)])


def _add(objects: Objects, place: str, one: dict, masks: Mapping[str, stated.Corners]) -> None:
    name = stated.name(one.get("name"))
    if "frames" in one:
        raise UserError(f"{place} has frames: it is about a video")
    told = {stated.name(flag).casefold() for key in ("attributes", "properties") for flag in _list(one.get(key))}
    flags = {"difficult": "difficult" in told, "truncated": "truncated" in told}
    more = (OCCLUDED,) if OCCLUDED in told else ()
    kind = next((key for key in ("bounding_box", "polygon", "complex_polygon", "ellipse", "mask") if key in one), "")
    at = one.get(kind) if isinstance(one.get(kind), dict) else {}
    shape = next((POLYGON for key in ("polygon", "complex_polygon") if key in one), MASK if "mask" in one else "")
    if kind == "bounding_box":
        values = [stated.number(at.get(key)) for key in ("x", "y", "w", "h")]
        objects.add(place, name, stated.from_size(*values), shape, flags=more, **flags)
    elif kind in ("polygon", "complex_polygon"):
        paths = at["paths"] if isinstance(at.get("paths"), list) else at.get("path")
        points = [point for path in _list(paths) for point in (path if isinstance(path, list) else [path])]
        objects.add(place, name, stated.around([_point(point) for point in points]), POLYGON, flags=more, **flags)
    elif kind == "ellipse":
        (x, y), radii = _point(at.get("center")), _point(at.get("radius"))
        angle = math.degrees(stated.number(at.get("angle") or 0))
        objects.add(place, name, stated.turned_ellipse(x, y, *radii, angle), MASK, flags=more, **flags)
    elif kind == "mask":
        corners = masks.get(stated.name(one.get("id")), stated.UNKNOWN)
        objects.add(place, name, corners, MASK, flags=more, **flags)
    elif boxless := next((key for key in _BOXLESS if key in one), ""):
        objects.boxless(place, name, _BOXLESS[boxless])
    elif not any(key in one for key in _NO_OBJECT):
        objects.add(place, name, stated.UNKNOWN)


def _masks(annotations: list, width: int) -> dict[str, stated.Corners]:
    """By annotation, the rectangle around its mask's pixels in the layer that all masks of an image share.

    The layer has a value for each annotation, row by row, as value and length of each run.
    """
    found: dict[str, stated.Corners] = {}
    for one in annotations:
        layer = one.get("raster_layer") if isinstance(one, dict) else None
        runs = layer.get("dense_rle") if isinstance(layer, dict) else None
        values = layer.get("mask_annotation_ids_mapping") if isinstance(layer, dict) else None
        if not isinstance(runs, list) or not isinstance(values, dict) or not width:
            continue
        if len(runs) % 2 or not all(isinstance(number, int) and number >= 0 for number in runs):
            continue
        by_value: dict[int, list[tuple[int, int]]] = {}
        start = 0
        for value, length in zip(runs[::2], runs[1::2], strict=True):
            if value and length:
                by_value.setdefault(value, []).append((start, length))
            start += length
        for key, value in values.items():
            if isinstance(value, int) and value in by_value:
                found[key] = stated.around_runs(by_value[value], width)
    return found


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _point(point: Any) -> tuple[float, float]:
    given = point if isinstance(point, dict) else {}
    return stated.number(given.get("x")), stated.number(given.get("y"))

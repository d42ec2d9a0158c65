"""VGG Image Annotator's JSON: a project of VIA 2, or the annotations that VIA 1 or 2 exported.

The class is one of the attributes that the user gave the regions: the only one, else one that is called class, label or
the like, else the only dropdown or choice among them. No image's size is stated; "size" is that of its file.
Source: the documentation of VIA 2, and files of its versions 1 and 2.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.dataset import addresses, stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import LINE, MASK, POINTS, POLYGON
from boxwright.dataset.statements import Reading, Remark

_IMAGES, _ATTRIBUTES = "_via_img_metadata", "_via_attributes"
_SIGN = re.compile(rb'"(?:_via_img_metadata|_via_settings|shape_attributes)"\s*:')
_REGIONS = re.compile(rb'"regions"\s*:')
_EXPORT = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\{\s*"(?:filename|fileref)"\s*:')
_VIA_3 = re.compile(rb'\s*\{\s*"project"\s*:\s*\{[^{}]*"pid"')
# Attributes that are likely the class, the most likely first, and kinds of attributes that have a set of values.
_NAMES = ("class", "label", "name", "type", "category", "object", "class_name", "classname", "species")
_CHOICES = ("dropdown", "radio")
_FLAGS = ("difficult", "truncated")


def sniff(head: bytes, name: str) -> bool:
    """Whether it has the keys of a project of VIA or of regions."""
    head = stated.plain(head)
    export = _EXPORT.match(head) and _REGIONS.search(head)
    return name.lower().endswith(".json") and (_SIGN.search(head) or export) is not None


def resembles(head: bytes, name: str) -> bool:
    """Whether it is a project of VIA 3."""
    return name.lower().endswith(".json") and _VIA_3.match(stated.plain(head)) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image of the project, also for those without a region."""
    root = stated.expect(stated.parse_json(data), dict, "its JSON")
    if {"project", "metadata", "file"} <= root.keys():
        raise UserError("it is a project of VIA 3, which is not read; export it as COCO")
    images = stated.optional(root.get(_IMAGES, root), dict, f'"{_IMAGES}"')
    about = root.get(_ATTRIBUTES)
    about = about.get("region") if isinstance(about, dict) else None
    found = []
    for key, item in images.items():
        image = stated.name(item.get("filename")) if isinstance(item, dict) else ""
        if not image:
            raise UserError(f'the image "{key}" has no "filename"')
        if "regions" not in item:
            raise UserError(f'it is not VGG Image Annotator\'s: the image "{key}" has no "regions"')
        regions = item["regions"]
        regions = list(regions.values()) if isinstance(regions, dict) else regions
        regions = stated.optional(regions, list, f'"regions" of {image}')
        found.append(
            (
                image,
                [region(one, f"region {place}", image) for place, one in enumerate(regions, start=1)],
            )
        )
    return reading(found, about if isinstance(about, dict) else {})


class Region(NamedTuple):
    """A region as stated: its place in the file, its shape and its attributes."""

    place: str
    shape: dict
    attributes: dict


def region(given: Any, place: str, image: str) -> Region:
    """A region of VIA's JSON; raises UserError where it is none."""
    stated.expect(given, dict, f"{place} of {image}")
    parts = [
        stated.optional(given.get(key), dict, f'"{key}" of {place} of {image}')
        for key in ("shape_attributes", "region_attributes")
    ]
    return Region(place, *parts)


def reading(images: Iterable[tuple[str, list[Region]]], about: Mapping[str, Any]) -> Reading:
    """What regions of images say, once it is clear which attribute is the class; `about` are the project's attributes.

    Regions without any attribute have no class.
    """
    images = list(images)
    regions = [one for _, of in images for one in of]
    attribute, remarks = _class_attribute(regions, about)
    options = about.get(attribute)
    options = options.get("options") if isinstance(options, dict) else None
    statements = []
    for image, of in images:
        objects = Objects()
        for one in of:
            told = {flag: flag in set(_flags(one.attributes)) for flag in _FLAGS}
            for name in _classes(one.attributes.get(attribute), options):
                corners, shape = _corners(one.shape)
                objects.add(one.place, name, corners, shape, **told)
        statements.append(objects.statement(addresses.path(image)))
    return Reading(statements, remarks)


def _class_attribute(regions: list[Region], about: Mapping[str, Any]) -> tuple[str, list[Remark]]:
    """The attribute that is the class, and what to say where there was a choice."""
    names = dict.fromkeys(key for one in regions for key in one.attributes)
    if not names:
        return "", []
    names = {name: None for name in names if not _is_flags(name, regions)} or names
    if len(names) == 1:
        return next(iter(names)), []
    folded = {name.strip().casefold(): name for name in names}
    kinds = {name: one.get("type") for name, one in about.items() if isinstance(one, dict)}
    likely = [folded[name] for name in _NAMES if name in folded]
    likely += [name for name in names if kinds.get(name) in _CHOICES]
    # Every region has its class; what only some of them have is a remark.
    counts = {name: sum(one.attributes.get(name) not in (None, "", {}) for one in regions) for name in names}
    chosen = likely[0] if likely else max(names, key=counts.__getitem__)
    others = few([name for name in names if name != chosen])
    return chosen, [
        Remark("class_attribute", f"its regions have several attributes; `{chosen}` is the class, not {others}")
    ]


def _is_flags(name: str, regions: list[Region]) -> bool:
    """Whether an attribute is a set of check boxes wherever it occurs."""
    return all(isinstance(one.attributes[name], dict) for one in regions if name in one.attributes)


def _classes(value: Any, options: Any) -> list[str]:
    """The class of a region, or the classes where check boxes gave several."""
    if isinstance(value, dict):
        return [_option(key, options) for key, ticked in value.items() if ticked is not False] or [""]
    return [_option(stated.name(value), options)]


def _option(name: str, options: Any) -> str:
    """The text of a dropdown's option, where the region has only its number."""
    told = options.get(name) if isinstance(options, dict) and name.isdigit() else None
    return told if isinstance(told, str) and told.strip() else name


def _flags(attributes: dict) -> Iterator[str]:
    """The names of check boxes that are ticked, and of attributes that say yes, in lower case."""
    for key, value in attributes.items():
        if isinstance(value, dict):
            yield from (name.strip().casefold() for name, ticked in value.items() if ticked is not False)
        elif stated.flag(value):
            yield key.strip().casefold()


def _corners(shape: dict) -> tuple[stated.Corners, str]:
    """The edges of a region, and what it is in place of a box."""
    kind = stated.name(shape.get("name"))

    def of(*keys: str) -> list[float]:
        return [stated.number(shape.get(key)) for key in keys]

    if kind == "rect":
        return stated.from_size(*of("x", "y", "width", "height")), ""
    if kind in ("polygon", "polyline"):
        x, y = (shape.get(key) if isinstance(shape.get(key), list) else [] for key in ("all_points_x", "all_points_y"))
        if len(x) != len(y):
            return stated.UNKNOWN, POLYGON if kind == "polygon" else LINE
        points = [(stated.number(one), stated.number(other)) for one, other in zip(x, y, strict=True)]
        return (stated.around(points), POLYGON) if kind == "polygon" else stated.along(points)
    if kind == "circle":
        x, y, radius = of("cx", "cy", "r")
        return stated.turned_ellipse(x, y, radius, radius), MASK
    if kind == "ellipse":
        theta = math.degrees(stated.number(shape.get("theta") or 0))
        return stated.turned_ellipse(*of("cx", "cy", "rx", "ry"), theta), MASK
    return stated.UNKNOWN, POINTS if kind == "point" else ""

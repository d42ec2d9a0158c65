"""VoTT's JSON: the export of a project, or the file of one asset ("...-asset.json"); also VoTT 1's for images.

A region with several tags is an object of each of them, as in VoTT's own CSV. An asset that nobody has visited says
nothing about its image; one that was visited and has no region has no objects.
Source: VoTT's export providers and models.
"""

import re
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset import addresses, stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import LINE, POINTS, POLYGON
from boxwright.dataset.statements import NORMALISED, Reading, Remark, Statement

_EXPORT = re.compile(rb'"assets"\s*:\s*\{')
_SIGNS = re.compile(rb'"(?:securityToken|videoSettings|tags|lastVisitedAssetId)"\s*:')
_ASSET = re.compile(rb'\s*\{\s*"(?:asset|regions|version)"\s*:')
_REGIONS = re.compile(rb'"regions"\s*:\s*\[')
_VERSION_1 = re.compile(rb'"frames"\s*:\s*\{')
_INPUT_TAGS = re.compile(rb'"(?:inputTags|visitedFrames|framerate)"\s*:')
_NOT_VISITED = 0
_BOXLESS = {"POINT": POINTS, "POLYLINE": LINE}


def sniff(head: bytes, name: str) -> bool:
    """Whether it has assets and a project's settings, or is one asset with its regions."""
    if not name.lower().endswith((".json", ".vott")):
        return False
    head = stated.plain(head)
    if _ASSET.match(head):
        return _REGIONS.search(head) is not None and b'"asset"' in head
    export = _EXPORT.search(head) or _VERSION_1.search(head)
    return export is not None and (_SIGNS.search(head) or _INPUT_TAGS.search(head)) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each asset that somebody visited."""
    root = stated.expect(stated.parse_json(data), dict, "its JSON")
    if "frames" in root and "assets" not in root:
        return Reading(list(_version_1(root)))
    if "asset" in root:
        items = [root]
    else:
        items = list(stated.optional(root.get("assets"), dict, '"assets"').values())
        if "assets" not in root:
            raise UserError('it is not VoTT\'s JSON: it has neither "assets" nor an "asset" with "regions"')
        if items and not any(isinstance(item, dict) and "regions" in item for item in items):
            raise UserError("it is VoTT's project, which has no regions: they are in its export and in *-asset.json")
    statements, remarks = [], []
    for number, item in enumerate(items, start=1):
        stated.expect(item, dict, f"asset {number}")
        asset = stated.optional(item.get("asset"), dict, f"asset {number}")
        image = addresses.path(stated.name(asset.get("name")))
        regions = stated.optional(item.get("regions"), list, f'"regions" of {image or f"asset {number}"}')
        if not image:
            raise UserError(f"asset {number} has no name")
        if not regions and asset.get("state") == _NOT_VISITED:
            remarks.append(Remark("image_unlabelled", "nobody has visited it in VoTT", image))
        else:
            statements.append(_statement(image, asset, regions))
    return Reading(statements, remarks)


def _statement(image: str, asset: dict, regions: list) -> Statement:
    objects = Objects()
    for number, region in enumerate(regions, start=1):
        place = f"region {number}"
        stated.expect(region, dict, f"{place} of {image}")
        kind = stated.name(region.get("type")).upper()
        tags = [stated.name(tag) for tag in stated.optional(region.get("tags"), list, f'"tags" of {place} of {image}')]
        at = region.get("boundingBox")
        for tag in tags or [""]:
            if kind in _BOXLESS:
                objects.boxless(place, tag, _BOXLESS[kind])
            elif isinstance(at, dict):
                values = [stated.number(at.get(key)) for key in ("left", "top", "width", "height")]
                objects.add(place, tag, stated.from_size(*values), POLYGON if kind == "POLYGON" else "")
            else:
                objects.add(
                    place,
                    tag,
                    stated.around(_points(region.get("points")), least=2),
                    POLYGON if kind == "POLYGON" else "",
                )
    size = asset.get("size") if isinstance(asset.get("size"), dict) else {}
    folder = addresses.path(stated.name(asset.get("path"))).replace("\\", "/").rpartition("/")[0]
    place = (stated.size(size.get("width")), stated.size(size.get("height")))
    return objects.statement(image, *place, folders=(folder,) if folder else ())


def _points(value: Any) -> list[tuple[float, float]]:
    points = value if isinstance(value, list) else []
    return [
        (stated.number(one.get("x")), stated.number(one.get("y"))) if isinstance(one, dict) else stated.UNKNOWN[:2]
        for one in points
    ]


def _version_1(root: dict) -> "list[Statement]":
    """The statements of VoTT 1, whose boxes are pixels of the window, whose size each of them states."""
    statements = []
    for image, regions in stated.optional(root["frames"], dict, '"frames"').items():
        if image.isdigit():
            raise UserError("its frames are numbers and not names of images: it is about a video")
        objects = Objects()
        for number, region in enumerate(stated.optional(regions, list, f'"{image}" of "frames"'), start=1):
            stated.expect(region, dict, f"region {number} of {image}")
            across, down = (stated.number(region.get(key)) for key in ("width", "height"))
            values = [stated.number(region.get(key)) for key in ("x1", "y1", "x2", "y2")]
            if across > 0 and down > 0:
                corners = tuple(value / side for value, side in zip(values, (across, down, across, down), strict=True))
            else:
                corners = stated.UNKNOWN
            for tag in stated.optional(region.get("tags"), list, f'"tags" of region {number} of {image}') or [""]:
                objects.add(f"region {number}", stated.name(tag), corners)
        statements.append(objects.statement(image, unit=NORMALISED))
    return statements
